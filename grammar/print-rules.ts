/** The grammar as text, in the notation of README.md. */
import { type GrammarRule, grammarRules, type Shape } from './rules.ts';
import { wordOf } from './words.ts';

const WIDTH = 116;

export function printRules(): string {
  const rules: readonly GrammarRule[] = [
    {
      name: 'file',
      shape: { kind: 'repeat', of: { kind: 'rule', name: 'item' }, separator: word('Separator'), least: 0 },
    },
    ...grammarRules(),
  ];
  const column = Math.max(...rules.map(({ name }) => name.length));
  return rules.map((rule) => printRule(rule, column)).join('\n');
}

function word(name: string): Shape {
  return { kind: 'word', name };
}

/** One line, or a line for each alternative when it would be too long. */
function printRule({ name, shape }: GrammarRule, column: number): string {
  const line = `${name.padEnd(column)} = ${print(shape, false)} ;`;
  if (line.length <= WIDTH || shape.kind !== 'choice') return line;
  const [first = '', ...rest] = shape.options.map((option) => print(option, false));
  const margin = ' '.repeat(column + 1);
  return [`${name.padEnd(column)} = ${first}`, ...rest.map((option) => `${margin}| ${option}`), `${margin};`].join(
    '\n',
  );
}

/** `inside`: among other parts, where a choice needs parentheses. */
function print(shape: Shape, inside: boolean): string {
  switch (shape.kind) {
    case 'word': {
      const written = wordOf(shape.name);
      return written.kind === 'literal' ? `"${written.text}"` : written.name;
    }
    case 'rule':
      return shape.name;
    case 'sequence':
      return shape.parts.map((part) => print(part, true)).join(' ');
    case 'choice': {
      const text = shape.options.map((option) => print(option, false)).join(' | ');
      return inside ? `( ${text} )` : text;
    }
    case 'optional':
      return `[ ${print(shape.of, false)} ]`;
    case 'repeat': {
      const { of, separator, least } = shape;
      if (!separator) return `${least === 1 ? `${print(of, true)} ` : ''}{ ${print(of, false)} }`;
      const text = `${print(of, true)} { ${print(separator, true)} ${print(of, true)} }`;
      return least === 1 ? text : `[ ${text} ]`;
    }
  }
}
