import { writeSync } from 'node:fs';
import { wantsColor } from '../compiler/diagnostics/render.ts';

/**
 * The two streams of the command line: results on stdout, progress and messages on stderr. A reader that goes away (a
 * closed pipe) ends the program quietly.
 */
export interface Terminal {
  /** A line of the result. */
  readonly print: (text: string) => void;
  /** Text of the result without a line break. */
  readonly write: (text: string) => void;
  /** A line for the person who waits. */
  readonly tell: (text: string) => void;
  /** stderr is a terminal that can redraw a line, and this is no CI. */
  readonly interactive: boolean;
  readonly columns: number;
  /** Colours are wanted on stderr. */
  readonly color: boolean;
}

export function openTerminal(env: NodeJS.ProcessEnv = process.env): Terminal {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(0);
    });
  }
  return {
    print: (text) => put(1, `${text}\n`),
    write: (text) => put(1, text),
    tell: (text) => put(2, `${text}\n`),
    interactive: process.stderr.isTTY === true && !env.CI && env.TERM !== 'dumb',
    columns: process.stderr.columns ?? 80,
    color: wantsColor(process.stderr, env),
  };
}

/** Written at once, so that nothing is lost when the process ends. */
function put(descriptor: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(descriptor, bytes, done);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'EAGAIN') continue;
      if (code === 'EPIPE') process.exit(0);
      throw error;
    }
  }
}

/** Removes control characters, so that text of a file cannot steer the terminal. */
export function harmless(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the point
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '');
}
