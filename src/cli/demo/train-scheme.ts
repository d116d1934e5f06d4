import { join } from 'node:path';
import type { Device } from '../../backends/device.ts';
import type { TrainConfig } from '../../compiler/ir/train.ts';
import { byteTokenizer } from '../../runtime/data/byte-tokenizer.ts';
import { nodeFiles } from '../../runtime/files.ts';
import { sample } from '../../runtime/sample.ts';
import type { StopRequest } from '../../runtime/stop-request.ts';
import type { TrainResult } from '../../runtime/train.ts';
import { trainOnDevice } from '../../runtime/train-on-device.ts';
import type { Model } from '../open-model.ts';
import { duration, showProgress } from '../progress.ts';
import type { ReportRun } from '../report.ts';
import { reportRun } from '../run-report.ts';
import type { Terminal } from '../terminal.ts';
import { LEAST_STEPS, LIMIT_SECONDS } from './budget.ts';

export const PROMPT = 'The people of ';

export interface SchemeRun {
  readonly scheme: string;
  readonly model: Model;
  readonly config: TrainConfig;
  /** Folder of the demonstration; the run goes into one of its own inside. */
  readonly folder: string;
  /** Tokens of the text that it writes at the end. */
  readonly sampled: number;
}

export interface FinishedRun {
  readonly result: TrainResult;
  readonly report: ReportRun;
}

/** Trains one scheme with a progress bar and lets it write some text. */
export async function trainScheme(
  device: Device,
  { scheme, model, config, folder, sampled }: SchemeRun,
  userStop: StopRequest,
  terminal: Terminal,
): Promise<FinishedRun> {
  const out = join(folder, scheme);
  const bytes = model.plan.memory.plannedBytes;
  const logEvery = Math.max(1, Math.ceil(config.steps / 10));
  const progress = showProgress(terminal, { label: scheme.padEnd(7), bytes, logEvery, quiet: false });
  const began = performance.now();
  const seconds = (): number => (performance.now() - began) / 1000;
  let steps = 0;
  let text = '';
  const late = (): boolean => steps >= LEAST_STEPS && seconds() > LIMIT_SECONDS;
  const result = await trainOnDevice({
    device,
    model,
    config,
    out,
    resume: false,
    observe: (event) => {
      if (event.kind === 'step') steps = event.step;
      progress.observe(event);
    },
    // A machine that has become slower than it was measured must not take longer than was promised.
    stop: { signal: () => userStop.signal() ?? (late() ? 'SIGTERM' : undefined) },
    after: async (loaded) => {
      progress.stop();
      if (userStop.signal()) return;
      const options = {
        prompt: PROMPT,
        tokens: sampled,
        temperature: 0.8,
        topK: 40,
        topP: undefined,
        seed: 0,
        step: steps,
      };
      await sample(loaded, byteTokenizer, options, (more) => {
        text += more;
      });
    },
  }).finally(progress.stop);
  const facts = [
    ['steps', `${result.step} of ${config.steps}`],
    ['tokens', (result.step * config.batch * (config.sizes.time ?? 1)).toLocaleString('en')],
    ['training loss', result.loss?.toFixed(4) ?? ''],
    ['validation loss', result.validation?.loss.toFixed(4) ?? ''],
    ['bits per byte', result.validation?.bitsPerByte?.toFixed(4) ?? ''],
    ['time', duration(seconds())],
    ['device', device.info.name],
  ] as const;
  return { result, report: reportRun(nodeFiles, out, { name: scheme, sample: PROMPT + text, facts }) };
}
