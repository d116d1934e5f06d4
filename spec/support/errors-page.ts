/** The page of the language reference that lists all diagnostics, made of their catalogue. */
import { type Explanation, explanations, TABLES } from '../../src/compiler/diagnostics/catalog.ts';
import type { Example } from '../../src/compiler/diagnostics/example.ts';
import { wholeSpec } from './whole-spec.ts';

const TITLES: { readonly [T in keyof typeof TABLES]: string } = {
  syntax: 'Of the text of a spec',
  language: 'Of what a spec means',
  causality: 'Of what a position may know',
  lints: 'Warnings',
  totals: 'Of micro-batches',
  memory: 'Of memory',
  data: 'Of data and weights',
  run: 'Of runs',
  device: 'Of devices',
  kernel: 'Of kernels',
  cli: 'Of the command line',
  editor: 'In editors',
};

const fenced = (text: string, language = 'tfm'): string => `\`\`\`${language}\n${text.trimEnd()}\n\`\`\``;

/** One side of an example, as Markdown. */
export function shownExample(example: Exclude<Example, { readonly kind: 'situation' }>, side: 'bad' | 'good'): string {
  return example.kind === 'option' ? `\`${example.option} '${example[side]}'\`` : fenced(example[side]);
}

function section({ code, severity, explain, example }: Explanation): string {
  const head = `### ${code}\n\n${severity === 'warning' ? 'Warning. ' : ''}${explain}`;
  if (example.kind === 'situation') return `${head}\n\nFor example: ${example.words}`;
  return `${head}\n\nWrong:\n\n${shownExample(example, 'bad')}\n\nRight:\n\n${shownExample(example, 'good')}`;
}

const INTRO = `# Errors and warnings

Every diagnostic has a code, which stands in brackets behind its message; \`tfm explain CODE\` prints what stands here. This page is
made from the catalogue of the compiler, and its examples are executed: what is wrong gives this diagnostic alone, what is right gives none.

An example that is no whole spec is a part of this one: its statements stand before the \`loss\`, lines behind \`// in the training\` in the
train block, and what comes before \`// in the model\` in front of the model. Keys that it gives, and a \`loss\`, replace those here.`;

const STACK =
  'Examples that bind a scheme `Mine` are a part of this one in the same way; their statements stand behind the `loss`.';

export function errorsPage(): string {
  const all = explanations();
  const parts = (Object.keys(TABLES) as (keyof typeof TABLES)[]).map((table) => {
    const own = all.filter((e) => e.table === table);
    return [`## ${TITLES[table]}`, ...own.map(section)].join('\n\n');
  });
  return `${[INTRO, fenced(wholeSpec('', 'top').trimStart()), STACK, fenced(wholeSpec('Mine = …', 'stack').trimStart()), ...parts].join('\n\n')}\n`;
}
