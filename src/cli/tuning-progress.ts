import { SingleBar } from 'cli-progress';
import type { TuneProgress } from '../runtime/tune/tune-products.ts';
import type { Terminal } from './terminal.ts';

/** Without a terminal: measurements between lines. */
const LINE_EVERY = 50;

/** Shows how many tiles were measured: a bar in a terminal, lines elsewhere. */
export function showTuning(
  terminal: Terminal,
  device: string,
): { readonly observe: (progress: TuneProgress) => void; readonly stop: () => void } {
  if (!terminal.interactive)
    return {
      observe: ({ done, total, kernel }) => {
        if (done % LINE_EVERY === 0 || done === total)
          terminal.tell(`${done} of ${total} tiles measured on ${device} (${kernel})`);
      },
      stop: () => {},
    };
  const bar = new SingleBar({
    format: 'tiles {bar} {value}/{total} {kernel}',
    barsize: 24,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    stream: process.stderr,
    linewrap: false,
  });
  let total: number | undefined;
  return {
    observe: (progress) => {
      // Those of sampling come after those of training, and are counted anew.
      if (progress.total !== total) {
        if (total !== undefined) bar.stop();
        bar.start(progress.total, progress.done, { kernel: progress.kernel });
        total = progress.total;
      }
      bar.update(progress.done, { kernel: progress.kernel });
    },
    stop: () => {
      if (total !== undefined) bar.stop();
    },
  };
}
