declare module 'railroad-diagrams' {
  /** A part of a diagram; its text is SVG. */
  export interface Part {
    toString(): string;
  }
  interface Railroad {
    readonly Diagram: (...parts: readonly Part[]) => Part;
    readonly Sequence: (...parts: readonly Part[]) => Part;
    readonly Choice: (usual: number, ...parts: readonly Part[]) => Part;
    readonly Optional: (part: Part) => Part;
    readonly OneOrMore: (part: Part, between?: Part) => Part;
    readonly ZeroOrMore: (part: Part, between?: Part) => Part;
    readonly Terminal: (text: string) => Part;
    readonly NonTerminal: (text: string, link?: string) => Part;
    readonly Skip: () => Part;
  }
  const railroad: Railroad;
  export default railroad;
}
