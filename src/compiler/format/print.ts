/** Prints documents: decides where lines break. */
import { unreachable } from '../support/invariant.ts';
import { type Assign, type Doc, type Gap, type List, line, text } from './doc.ts';
import type { Surroundings } from './remarks.ts';
import { rowsOf } from './rows.ts';
import { Writer } from './writer.ts';

/** The columns that code fits into, if it can. */
const WIDTH = 120;
const STEP = 2;

/** Prints a document from column 0, in lines that end with `\n` but for the last. */
export function print(doc: Doc): string {
  const printer = new Printer();
  printer.print(doc, 0);
  return printer.writer.finish();
}

class Printer {
  readonly writer = new Writer();
  /** The column at which lines begin. */
  private indent = 0;

  /** Prints a document behind which `rest` columns have to stand on its last line. */
  print(doc: Doc, rest: number): void {
    if (this.writer.closed && beginsWithWord(doc)) this.open();
    switch (doc.kind) {
      case 'text':
        this.writer.put(doc.text);
        break;
      case 'word':
        this.word(doc.text, doc.around);
        break;
      case 'line':
        this.newLine(doc.blank);
        break;
      case 'sequence':
        this.sequence(doc.parts, rest);
        break;
      case 'indent':
        this.at(this.indent + STEP, () => this.print(doc.of, rest));
        break;
      case 'align':
        this.at(this.writer.column, () => this.print(doc.of, rest));
        break;
      case 'group':
        if (!this.writer.closed && this.fits(doc.flat, rest)) this.flat(doc.of);
        else if (doc.hugs && doc.hug !== undefined && this.fits(doc.hug, 0)) this.hugging(doc.of, rest);
        else this.print(doc.of, rest);
        break;
      case 'fill':
        this.fill(doc.parts, doc.gaps, rest);
        break;
      case 'list':
        this.list(doc, rest, rest);
        break;
      case 'assign':
        this.assign(doc, rest);
        break;
      default:
        unreachable(doc);
    }
  }

  /** Ends a line on which no word may follow. */
  private open(): void {
    if (this.writer.closed) this.writer.newLine(this.indent + STEP);
  }

  private fits(columns: number, rest: number): boolean {
    return this.writer.column + columns + rest <= WIDTH;
  }

  private at(indent: number, work: () => void): void {
    const before = this.indent;
    this.indent = indent;
    work();
    this.indent = before;
  }

  private newLine(blank: boolean): void {
    if (blank) this.writer.newLine(0);
    this.writer.newLine(this.indent);
  }

  private word(text: string, { before, blank, after }: Surroundings): void {
    if (before.length > 0) {
      if (!this.writer.atStart) this.writer.newLine(this.indent + STEP);
      this.at(this.writer.column, () => {
        for (const [i, remark] of before.entries()) {
          if (i > 0) this.newLine(remark.blank);
          this.writer.put(remark.text);
        }
        this.newLine(blank);
      });
    }
    this.writer.put(text);
    if (after !== undefined) this.writer.endWith(after);
  }

  /** Prints on one line what fits there. */
  private flat(doc: Doc): void {
    switch (doc.kind) {
      case 'text':
        this.writer.put(doc.text);
        break;
      case 'word':
        this.word(doc.text, doc.around);
        break;
      case 'line':
        this.writer.put(doc.space);
        break;
      case 'sequence':
        for (const part of doc.parts) this.flat(part);
        break;
      case 'indent':
      case 'align':
      case 'group':
        this.flat(doc.of);
        break;
      case 'fill':
        for (const [i, part] of doc.parts.entries()) {
          if (i > 0) this.writer.put(' ');
          this.flat(part);
        }
        break;
      case 'list':
        this.flat(doc.open);
        this.flatItems(doc.items);
        if (doc.comma === 'needed') this.writer.put(',');
        this.flat(doc.close);
        break;
      case 'assign':
        this.flat(doc.left);
        this.writer.put(' ');
        this.flat(doc.operator);
        this.writer.put(' ');
        this.flat(doc.right);
        break;
      default:
        unreachable(doc);
    }
  }

  private flatItems(items: readonly Doc[]): void {
    for (const [i, item] of items.entries()) {
      if (i > 0) this.writer.put(', ');
      this.flat(item);
    }
  }

  private fill(parts: readonly Doc[], gaps: readonly Gap[], rest: number): void {
    for (const [i, part] of parts.entries()) {
      const behind = i === parts.length - 1 ? rest : 0;
      const gap = gaps[i - 1];
      if (gap && this.staysBehind(gap, part, behind)) this.writer.put(' ');
      else if (gap) this.newLine(gap.blank);
      this.print(part, behind);
    }
  }

  /** Whether a part of a chain stands on the line of the one before: it fits, or has to break on the next line too. */
  private staysBehind(gap: Gap, part: Doc, rest: number): boolean {
    if (gap.kind !== 'free') return gap.kind === 'glue';
    if (this.writer.closed || part.remarkBefore) return false;
    const fitsBelow = this.indent + part.flat + rest <= WIDTH;
    return this.fits(1 + part.flat, rest) || (!fitsBelow && part.breaks && this.fits(1 + part.lead, 0));
  }

  private sequence(parts: readonly Doc[], rest: number): void {
    for (const [i, part] of parts.entries()) {
      const behind = leadOf(parts, i + 1, rest);
      const next = parts[i + 1];
      if (part.kind === 'list' && next?.kind === 'list')
        this.list(part, behind, next.flat + leadOf(parts, i + 2, rest));
      else this.print(part, behind);
    }
  }

  /** `wish` columns should stand behind it, `rest` have to. */
  private list(doc: Doc & List, rest: number, wish: number): void {
    this.open();
    const hugs = !doc.vertical && doc.hug !== undefined && this.fits(doc.hug, 0);
    if (this.fits(doc.flat, wish)) this.flat(doc);
    else if (wish > rest && this.filled(doc, wish)) return;
    else if (this.fits(doc.flat, rest)) this.flat(doc);
    else if (hugs) this.hugging(doc, rest);
    else if (!this.filled(doc, rest)) this.vertical(doc, rest);
  }

  /** `f(a, x => {`: only the block that it ends with breaks. */
  private hugging(doc: Doc, rest: number): void {
    switch (doc.kind) {
      case 'sequence':
        for (const part of doc.parts.slice(0, -1)) this.flat(part);
        this.huggingLast(doc.parts, rest);
        break;
      case 'align':
      case 'indent':
        this.hugging(doc.of, rest);
        break;
      case 'group':
        if (doc.hugs) this.hugging(doc.of, rest);
        else this.print(doc, rest);
        break;
      case 'list':
        if (doc.vertical) this.print(doc, rest);
        else {
          this.flat(doc.open);
          this.flatItems(doc.items.slice(0, -1));
          if (doc.items.length > 1) this.writer.put(', ');
          this.huggingLast(doc.items, (doc.comma === 'needed' ? 1 : 0) + doc.close.flat + rest);
          if (doc.comma === 'needed') this.writer.put(',');
          this.print(doc.close, rest);
        }
        break;
      case 'assign':
        this.flat(doc.left);
        this.writer.put(' ');
        this.flat(doc.operator);
        this.writer.put(' ');
        this.hugging(doc.right, rest);
        break;
      default:
        this.print(doc, rest);
    }
  }

  private huggingLast(parts: readonly Doc[], rest: number): void {
    const last = parts.at(-1);
    if (last) this.hugging(last, rest);
  }

  /** Prints the items below the first one, several to a line, if each fits and the lines are few. */
  private filled(doc: Doc & List, rest: number): boolean {
    const { open, items, close, comma } = doc;
    const widths = items.map(
      (item, i) => item.flat + (i < items.length - 1 ? 1 : close.flat + rest + (comma === 'needed' ? 1 : 0)),
    );
    const rows = rowsOf(doc, widths, WIDTH - this.writer.column - open.flat);
    if (!rows) return false;
    this.print(open, 0);
    const start = this.writer.column;
    for (const [i, row] of rows.entries()) {
      if (i > 0) this.writer.newLine(start);
      this.flatItems(row);
      if (i < rows.length - 1 || comma === 'needed') this.writer.put(',');
    }
    this.print(close, rest);
    return true;
  }

  private vertical({ open, items, close, gaps, comma, rest: remarks }: List, rest: number): void {
    const end = gaps.at(-1);
    this.print(open, 0);
    this.at(this.indent + STEP, () => {
      for (const [i, item] of items.entries()) {
        const gap = gaps[i];
        if (gap?.kind !== 'glue') this.newLine(i > 0 && gap?.blank === true);
        else if (i > 0) this.writer.put(' ');
        const followed = i < items.length - 1 || comma === 'needed' || (comma === 'vertical' && end?.kind !== 'glue');
        this.print(item, followed ? 1 : 0);
        if (followed) this.writer.put(',');
      }
      if (remarks) this.print(remarks, 0);
    });
    if (end?.kind !== 'glue' || remarks) this.newLine(false);
    this.print(close, rest);
  }

  private assign({ left, operator, right, gap, keep }: Assign, rest: number): void {
    const behind = leadOf([keep ? text(' ') : line(' '), right], 0, rest);
    this.print(left, 1 + operator.flat + behind);
    this.writer.put(' ');
    this.print(operator, behind);
    const apart = this.writer.closed || right.remarkBefore || gap.kind === 'hard';
    const fits = this.fits(1 + right.flat, rest) || (keep && !this.roomBelow(right, rest));
    if (gap.kind === 'glue' || (!apart && fits)) {
      this.writer.put(' ');
      this.print(right, rest);
    } else {
      this.at(this.indent + STEP, () => {
        this.newLine(false);
        this.print(right, rest);
      });
    }
  }

  /** Whether what begins in the right half of a line fits on the next one. */
  private roomBelow(right: Doc, rest: number): boolean {
    return this.writer.column > WIDTH / 2 && this.indent + STEP + right.flat + rest <= WIDTH;
  }
}

/** Commas and spaces belong to the line before. */
function beginsWithWord(doc: Doc): boolean {
  if (doc.kind === 'text' || doc.kind === 'line') return false;
  if (doc.kind === 'sequence') return doc.parts[0] !== undefined && beginsWithWord(doc.parts[0]);
  return doc.kind === 'indent' || doc.kind === 'align' || doc.kind === 'group' ? beginsWithWord(doc.of) : true;
}

/** The columns that have to follow on the same line: those of `parts` from `from` on, up to where they can break. */
function leadOf(parts: readonly Doc[], from: number, rest: number): number {
  let columns = 0;
  for (let at = from; at < parts.length; at++) {
    const part = parts[at];
    if (!part || part.remarkBefore) return columns;
    columns += part.lead;
    if (part.breaks || part.remarkAfter) return columns;
  }
  return columns + rest;
}
