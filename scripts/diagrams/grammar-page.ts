import { printRules } from '../../grammar/print-rules.ts';

/** The chapter of the language reference that holds the grammar. */
export function grammarPage(): string {
  return `# The grammar

Made from the parser by \`npm run diagrams\`, which also draws it: [grammar/diagrams.html](../../grammar/diagrams.html).

\`{ x }\` is any number of x, \`[ x ]\` at most one, \`x | y\` either, \`"x"\` as written. END is a \`;\` or the end of a line that ends a
statement; it is what [lexical.md](lexical.md) calls so, as are NAME, NUMBER and STRING. An \`operand\` and the \`operator\`s between form one
chain, which [operators.md](operators.md) groups. A comma at the end of a list stands before a closing bracket only.

\`\`\`text
${printRules()}
\`\`\`
`;
}
