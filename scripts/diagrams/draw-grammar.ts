/** The grammar as railroad diagrams: one page that needs nothing beside it. */
import railroad, { type Part } from 'railroad-diagrams';
import { grammarRules, type Shape } from '../../grammar/rules.ts';
import { wordOf } from '../../grammar/words.ts';

const { Choice, Diagram, NonTerminal, OneOrMore, Optional, Sequence, Skip, Terminal, ZeroOrMore } = railroad;

const STYLE = `
body { font-family: sans-serif; margin: 2em; background: white; color: black }
svg { display: block }
path { stroke-width: 2; stroke: black; fill: none }
text { font: 14px monospace; text-anchor: middle }
rect { stroke-width: 1.5; stroke: black; fill: #eef6e8 }
.non-terminal rect { fill: #e8eef6 }
a text { text-decoration: underline }
`;

export function drawGrammar(): string {
  const sections = grammarRules().map(
    ({ name, shape }) => `<h2 id="${name}">${name}</h2>\n${Diagram(draw(shape)).toString().trim()}`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>The grammar of .tfm</title>
<style>${STYLE}</style>
<h1>The grammar of <code>.tfm</code></h1>
<p>A file is any number of <a href="#item">item</a>. END is a <code>;</code> or the end of a line that ends a statement. Operators are
read as one chain; how strongly each binds is in <code>spec/language/operators.md</code>.</p>
${sections.join('\n')}
</html>
`;
}

function draw(shape: Shape): Part {
  switch (shape.kind) {
    case 'word': {
      const word = wordOf(shape.name);
      return word.kind === 'literal' ? Terminal(word.text) : NonTerminal(word.name);
    }
    case 'rule':
      return NonTerminal(shape.name, `#${shape.name}`);
    case 'sequence':
      return shape.parts.length === 0 ? Skip() : Sequence(...shape.parts.map(draw));
    case 'choice':
      return Choice(0, ...shape.options.map(draw));
    case 'optional':
      return Optional(draw(shape.of));
    case 'repeat':
      return (shape.least === 1 ? OneOrMore : ZeroOrMore)(draw(shape.of), shape.separator && draw(shape.separator));
  }
}
