import { columnsOf } from './doc.ts';

/** Collects printed lines. A comment at the end of a line waits there until the line is over. */
export class Writer {
  private readonly lines: { readonly text: string; readonly remark: string | undefined }[] = [];
  private current = '';
  private remark: string | undefined;

  get column(): number {
    return columnsOf(this.current);
  }

  /** Nothing but spaces stands on the line. */
  get atStart(): boolean {
    return this.current.trim() === '';
  }

  /** No word may follow on this line. */
  get closed(): boolean {
    return this.remark !== undefined;
  }

  put(text: string): void {
    this.current += text;
  }

  endWith(remark: string): void {
    this.remark = remark;
  }

  newLine(indent: number): void {
    this.lines.push({ text: this.current.trimEnd(), remark: this.remark });
    this.current = ' '.repeat(indent);
    this.remark = undefined;
  }

  /** The text, with comments of successive lines at one column. */
  finish(): string {
    this.newLine(0);
    const indentOf = (text: string): number => text.length - text.trimStart().length;
    const printed: string[] = [];
    for (let at = 0; at < this.lines.length; ) {
      const run = [];
      const first = this.lines[at];
      for (let one = first; one; one = this.lines[at + run.length]) {
        if (run.length > 0 && (one.remark === undefined || indentOf(one.text) !== indentOf(first?.text ?? ''))) break;
        run.push(one);
        if (one.remark === undefined) break;
      }
      const width = Math.max(...run.map(({ text }) => columnsOf(text)));
      for (const { text, remark } of run)
        printed.push(remark === undefined ? text : `${text}${' '.repeat(width - columnsOf(text) + 1)}${remark}`);
      at += run.length;
    }
    return printed.join('\n');
  }
}
