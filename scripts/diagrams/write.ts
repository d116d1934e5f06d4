/** `npm run diagrams`: writes what is made from the parser. */
import { writeFileSync } from 'node:fs';
import { drawGrammar } from './draw-grammar.ts';
import { grammarPage } from './grammar-page.ts';

writeFileSync(new URL('../../grammar/diagrams.html', import.meta.url), drawGrammar());
writeFileSync(new URL('../../spec/language/grammar.md', import.meta.url), grammarPage());
