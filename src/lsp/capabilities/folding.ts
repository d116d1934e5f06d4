import { type FoldingRange, FoldingRangeKind } from 'vscode-languageserver';
import { positionAt, type Source } from '../../compiler/support/source.ts';
import { lex } from '../../compiler/syntax/lex.ts';
import type { Capability } from '../capability.ts';

/** Brackets over several lines, and runs of comments. It needs no tree, so a broken file folds too. */
export const folding: Capability = {
  announces: { foldingRangeProvider: true },
  register: (connection, { workspace, answer }) => {
    connection.onFoldingRanges(({ textDocument }) =>
      answer(() => {
        const analysis = workspace.analysis(textDocument.uri);
        return analysis ? [...bracketFolds(analysis.source), ...commentFolds(analysis.source)] : [];
      }, []),
    );
  },
};

const CLOSES: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

function bracketFolds(source: Source): readonly FoldingRange[] {
  const folds: FoldingRange[] = [];
  const open: { readonly close: string; readonly line: number }[] = [];
  for (const { image, startOffset } of lex(source).tokens) {
    const close = CLOSES[image];
    const line = lineOf(source, startOffset);
    if (close !== undefined) open.push({ close, line });
    else if (image === open.at(-1)?.close) {
      const begin = open.pop();
      // The line of the closing bracket stays in sight.
      if (begin && line - 1 > begin.line) folds.push({ startLine: begin.line, endLine: line - 1 });
    }
  }
  return folds;
}

function commentFolds(source: Source): readonly FoldingRange[] {
  const { comments, docs } = lex(source);
  const alone = [...comments, ...docs]
    .map(({ startOffset }) => startOffset)
    .filter((offset) => /(?:^|[\r\n])[ \t]*$/.test(source.text.slice(Math.max(0, offset - 200), offset)))
    .map((offset) => lineOf(source, offset))
    .sort((a, b) => a - b);
  const starts = alone.filter((line) => !alone.includes(line - 1));
  return starts.flatMap((startLine) => {
    let endLine = startLine;
    while (alone.includes(endLine + 1)) endLine += 1;
    return endLine > startLine ? [{ startLine, endLine, kind: FoldingRangeKind.Comment }] : [];
  });
}

function lineOf(source: Source, offset: number): number {
  return positionAt(source, offset).line - 1;
}
