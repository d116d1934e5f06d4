/**
 * Documents: what is to be printed, before it is known where lines break.
 *
 * A document is a tree, as in Wadler's "A prettier printer", whose nodes are the layouts of this language. Each knows how
 * it measures, so that the printer never looks ahead. What it measures depends on the words and on where the author broke
 * lines on purpose, never on the width: a text that was printed is printed the same again.
 */
import type { Surroundings } from './remarks.ts';

interface Measure {
  /** Columns on one line; infinite for what cannot stand on one. */
  readonly flat: number;
  /** Columns that stay on the line where it begins, wherever it breaks. */
  readonly lead: number;
  /** There is a place to break, so what follows need not stand on that line. */
  readonly breaks: boolean;
  /** Columns up to the opening of the block or of the broken list that it ends with, when it ends with one. */
  readonly hug: number | undefined;
  /** A comment stands before its first word, or behind its last. */
  readonly remarkBefore: boolean;
  readonly remarkAfter: boolean;
}

/** What may stand between two neighbours: `glue` keeps them on one line, `hard` apart. */
export interface Gap {
  readonly kind: 'free' | 'glue' | 'hard';
  /** The author broke the line. */
  readonly parted: boolean;
  /** The author left a blank line. */
  readonly blank: boolean;
}

export type Doc =
  | (Measure & { readonly kind: 'text'; readonly text: string })
  | (Measure & { readonly kind: 'word'; readonly text: string; readonly around: Surroundings })
  /** A line break, or `space` where its group stands on one line. */
  | (Measure & { readonly kind: 'line'; readonly space: string; readonly blank: boolean })
  | (Measure & { readonly kind: 'sequence'; readonly parts: readonly Doc[] })
  /** Lines in it stand two columns further right. */
  | (Measure & { readonly kind: 'indent'; readonly of: Doc })
  /** Lines in it stand below its first column. */
  | (Measure & { readonly kind: 'align'; readonly of: Doc })
  /** Stands on one line, or breaks at each of its own lines; before that it may hug what it ends with. */
  | (Measure & { readonly kind: 'group'; readonly of: Doc; readonly hugs: boolean })
  /** As many parts on each line as there is room for. `gaps[i]` stands before `parts[i + 1]`. */
  | (Measure & { readonly kind: 'fill'; readonly parts: readonly Doc[]; readonly gaps: readonly Gap[] })
  | (Measure & { readonly kind: 'list' } & List)
  | (Measure & { readonly kind: 'assign' } & Assign);

export interface List {
  readonly open: Doc;
  readonly items: readonly Doc[];
  readonly close: Doc;
  /** `gaps[i]` stands before `items[i]`, the last one before the closing bracket. */
  readonly gaps: readonly Gap[];
  /** A comma behind the last item is `needed`, or put where the list is vertical, or never. */
  readonly comma: 'needed' | 'vertical' | 'never';
  /** Each item has lines of its own: the author broke the line behind the opening bracket. */
  readonly vertical: boolean;
  /** Comments behind the last item, each on a line of its own. */
  readonly rest: Doc | undefined;
}

/** `left OPERATOR right`. */
export interface Assign {
  readonly left: Doc;
  readonly operator: Doc;
  readonly right: Doc;
  readonly gap: Gap;
  /** What stands right breaks within brackets rather than behind the operator. */
  readonly keep: boolean;
}

const PLAIN = { breaks: false, hug: undefined, remarkBefore: false, remarkAfter: false } as const;
const FREE: Gap = { kind: 'free', parted: false, blank: false };

export function text(value: string): Doc {
  const columns = columnsOf(value);
  return { ...PLAIN, kind: 'text', text: value, flat: columns, lead: columns };
}

/** Characters outside of the first plane are two units and one column. */
export function columnsOf(value: string): number {
  return /[\ud800-\udbff]/.test(value) ? [...value].length : value.length;
}

export function word(value: string, around: Surroundings): Doc {
  const columns = columnsOf(value);
  const remarkBefore = around.before.length > 0;
  const remarkAfter = around.after !== undefined;
  return { ...PLAIN, kind: 'word', text: value, around, flat: columns, lead: columns, remarkBefore, remarkAfter };
}

export function line(space: string, { kind, blank }: Gap = FREE): Doc {
  if (kind === 'glue') return text(space);
  const flat = kind === 'hard' ? Number.POSITIVE_INFINITY : columnsOf(space);
  return { ...PLAIN, kind: 'line', space, blank, flat, lead: 0, breaks: true };
}

/** A line break in any case. */
export function hard(blank = false): Doc {
  return line('', { kind: 'hard', parted: true, blank });
}

export function sequence(parts: readonly Doc[]): Doc {
  const [only] = parts;
  return only && parts.length === 1 ? only : { kind: 'sequence', parts, ...measured(parts) };
}

export function indent(of: Doc): Doc {
  return { ...measureOf(of), kind: 'indent', of };
}

export function align(of: Doc): Doc {
  return { ...measureOf(of), kind: 'align', of };
}

export function group(of: Doc, hugs = false): Doc {
  return { ...measureOf(of), hug: hugs ? of.hug : undefined, kind: 'group', of, hugs };
}

/** Statements between braces, `open` columns of which stand on the line where it begins. What ends with it can hug it. */
export function block(of: Doc, open: number): Doc {
  return { ...group(of), hug: open };
}

export function fill(parts: readonly Doc[], gaps: readonly Gap[]): Doc {
  const spaced = parts.flatMap((part, i) => (i === 0 ? [part] : [line(' ', gaps[i - 1]), part]));
  return { ...measured(spaced), kind: 'fill', parts, gaps };
}

export function list(of: List): Doc {
  const { open, items, close, gaps, comma, rest } = of;
  const spaced = items.flatMap((item, i) => (i === 0 ? [item] : [text(','), line(' ', gaps[i]), item]));
  const inside = [...spaced, ...(comma === 'needed' ? [text(',')] : []), ...(rest ? [rest] : [])];
  const whole = measured([open, ...inside, close]);
  const broken = of.vertical || gaps.at(0)?.kind === 'hard' || gaps.at(-1)?.kind === 'hard';
  const flat = broken ? Number.POSITIVE_INFINITY : whole.flat;
  const bare = !broken && !rest && !items.at(-1)?.remarkAfter;
  const hug = bare ? measured([open, ...spaced]).hug : undefined;
  // What neither stands on one line nor hugs its last item has no other layout.
  const vertical = of.vertical || (flat === Number.POSITIVE_INFINITY && hug === undefined);
  return {
    ...whole,
    kind: 'list',
    ...of,
    vertical,
    flat,
    lead: open.lead,
    breaks: items.length > 0 || rest !== undefined,
    hug: vertical ? open.flat : hug,
  };
}

export function assign(of: Assign): Doc {
  const { left, operator, right, gap, keep } = of;
  const stays = keep && gap.kind !== 'hard';
  const measure = measured([left, text(' '), operator, stays ? text(' ') : line(' ', gap), right]);
  return { ...measure, hug: stays ? measure.hug : undefined, kind: 'assign', ...of };
}

function measureOf({ flat, lead, breaks, hug, remarkBefore, remarkAfter }: Doc): Measure {
  return { flat, lead, breaks, hug, remarkBefore, remarkAfter };
}

function measured(parts: readonly Doc[]): Measure {
  let flat = 0;
  let lead = 0;
  let breaks = false;
  let hug: number | undefined;
  let words = false;
  let remarkBefore = false;
  let remarkAfter = false;
  for (const part of parts) {
    const holdsWords = part.kind !== 'text' && part.kind !== 'line';
    // A comment parts what is before it from what is behind it; a comma joins the line before the comment.
    const apart = holdsWords && (remarkAfter || (words && part.remarkBefore));
    hug = part.hug !== undefined && !apart && Number.isFinite(flat) ? flat + part.hug : undefined;
    if (!breaks) lead += apart ? 0 : part.lead;
    breaks ||= apart || part.breaks || part.remarkAfter;
    flat += apart ? Number.POSITIVE_INFINITY : part.flat;
    if (!holdsWords) continue;
    if (!words) remarkBefore = part.remarkBefore;
    remarkAfter = part.remarkAfter;
    words = true;
  }
  return { flat, lead, breaks, hug, remarkBefore, remarkAfter };
}
