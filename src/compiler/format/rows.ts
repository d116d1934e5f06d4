import type { Doc, List } from './doc.ts';

/**
 * The items of a list in rows of at most `room` columns, each item with a comma or what else has to follow it in `widths`;
 * undefined where they do not fit or make a column rather than rows. The rows are those of the author while these fit.
 */
export function rowsOf(list: List, widths: readonly number[], room: number): readonly (readonly Doc[])[] | undefined {
  const { items, gaps, vertical, rest } = list;
  if (vertical || rest || gaps.some(({ kind }) => kind === 'hard')) return undefined;
  if (items.some(({ remarkBefore, remarkAfter }) => remarkBefore || remarkAfter)) return undefined;
  const kept = cut(list, widths, room, (at) => gaps[at]?.parted === true);
  return kept ?? cut(list, widths, room, (_, fits) => !fits);
}

/** Cuts before the items that `breaks` says; undefined where a row is too long, or the rows are too many. */
function cut(
  { items, gaps }: List,
  widths: readonly number[],
  room: number,
  breaks: (at: number, fits: boolean) => boolean,
): readonly (readonly Doc[])[] | undefined {
  const rows: Doc[][] = [];
  let column = 0;
  for (const [at, item] of items.entries()) {
    const width = widths[at] ?? 0;
    const row = rows.at(-1);
    const stays = row && (gaps[at]?.kind === 'glue' || !breaks(at, column + 1 + width <= room));
    if (stays) row.push(item);
    else rows.push([item]);
    column = stays ? column + 1 + width : width;
    if (column > room) return undefined;
  }
  return rows.length <= 2 || rows.length < items.length ? rows : undefined;
}
