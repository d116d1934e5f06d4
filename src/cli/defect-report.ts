/** What is written when tfm fails by its own fault: all that is needed to find out why, and nothing else. */
import { randomBytes } from 'node:crypto';
import { statSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Failure } from '../compiler/diagnostics/diagnostic.ts';
import { InternalError } from '../compiler/support/invariant.ts';
import type { Source } from '../compiler/support/source.ts';
import { stepsOf } from '../compiler/support/step.ts';
import { readSpec } from '../runtime/read-spec.ts';
import { version } from '../runtime/version.ts';
import { table } from './table.ts';

/** Writes the report into the working folder, else into that for temporary files; its path, undefined when neither takes it. */
export function writeDefectReport(
  error: unknown,
  argv: readonly string[],
  folders: readonly string[] = ['.', tmpdir()],
): string | undefined {
  const text = defectReport(error, argv);
  const name = `tfm-defect-${randomBytes(4).toString('hex')}.txt`;
  for (const folder of folders) {
    try {
      // Never over a file that is there.
      writeFileSync(join(folder, name), text, { flag: 'wx' });
      return join(folder, name);
    } catch {
      // The next one may do.
    }
  }
  return undefined;
}

/** The report as text. The folder of the user is written `~`. */
export function defectReport(error: unknown, argv: readonly string[]): string {
  const steps = stepsOf(error);
  const facts = [
    ['message', messageOf(error)],
    ['step', steps.join(', ') || 'none of the compiler'],
    ['tfm', version()],
    ['node', process.versions.node],
    ['system', `${process.platform} ${process.arch}`],
    ['command', ['tfm', ...argv.map(quoted)].join(' ')],
  ];
  const parts = [
    `A defect of tfm. Please look at what stands here before you send it.\n\n${table(facts, 'll')}`,
    section('where it happened', stackOf(error)),
    ...[...specsIn(argv), ...textsOf(error)].map(({ path, text }) => section(path, text)),
  ];
  return `${withoutHome(parts.join('\n\n'))}\n`;
}

export function messageOf(error: unknown): string {
  if (error instanceof InternalError || error instanceof Failure) return error.message;
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? messageOf(error);
  return error.cause === undefined ? own : `${own}\nbecause of ${stackOf(error.cause)}`;
}

const section = (title: string, text: string): string => `---- ${title}\n${text.trimEnd()}`;

const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word));

/** The specs that a command names, by themselves or as the copy in a folder, with the files that they use. */
function specsIn(argv: readonly string[]): readonly Source[] {
  const found = new Map<string, Source>();
  const visit = (source: Source): void => {
    if (found.has(resolve(source.path))) return;
    found.set(resolve(source.path), source);
    // By their looks: the parser may be what failed.
    for (const [, path = ''] of source.text.matchAll(/\buse\s+"([^"\n]+)"/g)) {
      const used = source.neighbour?.(path);
      if (used && 'text' in used) visit(used);
    }
  };
  for (const path of argv.flatMap((word) => [word, join(word, 'model.tfm')])) {
    if (!path.endsWith('.tfm')) continue;
    try {
      if (statSync(path).isFile()) visit(readSpec(path));
    } catch {
      // No file, or one that cannot be read, and so cannot be sent.
    }
  }
  return [...found.values()];
}

/** Texts in which the error has a place: a kernel. */
function textsOf(error: unknown): readonly Source[] {
  const spans = error instanceof Failure ? error.diagnostics.flatMap((d) => d.span ?? []) : [];
  return [...new Set(spans.map((span) => span.source))];
}

function withoutHome(text: string): string {
  const home = homedir();
  return home.length > 1 ? text.replaceAll(home, '~') : text;
}
