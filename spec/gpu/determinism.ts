import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDevice } from '../../src/backends/open-device.ts';
import { train } from '../../src/index.ts';
import { loadLatestCheckpoint } from '../../src/runtime/checkpoint/load.ts';
import { nodeFiles } from '../../src/runtime/files.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { type Part, resultOf } from './part.ts';

const STEPS = 12;
/** After which a run is stopped, to be resumed: not one at which it saves of its own accord. */
const STOPPED_AFTER = 7;

const SPEC = `use std.{Attention, Embedding, Linear, RMSNorm, SwiGLU, dropout}

model Random(vocab: axis = 256, width: axis = 48, depth = 2, heads = 4, hidden: axis = 40)(
  tokens: int[batch, time],
  targets: int[batch, time],
) {
  x = Embedding(vocab, width)(tokens)
  for layer in 1..depth {
    a = x + dropout(Attention(heads)(RMSNorm()(x)), p = 0.1)
    x = a + dropout(SwiGLU(hidden)(RMSNorm()(a)), p = 0.1)
  }
  logits = Linear(vocab)(RMSNorm()(x))
  loss = mean(cross_entropy(logits, targets, over = vocab), where = targets >= 0)
}

train Random() {
  data = text("*.txt", tokenizer = bytes)
  batch = 4; micro = 2; time = 17; steps = ${STEPS}
  optimizer = adamw(); lr = 1e-3 * warmup(5); clip = 1
  log_every = 1; save_every = 5; eval_every = 6
}
`;

/** What fills a GPU. */
const LARGE = ['width=384', 'depth=6', 'hidden=1000', 'train.batch=16', 'train.micro=8', 'train.time=200'];

/** The numbers of all steps, and weights and moments at the end, of a run again, and of one that was stopped and resumed. */
export const determinism: Part = {
  about: 'a run again, and one that is stopped and resumed, end with the same bits',
  async run({ device: name, info, tell }) {
    const folder = temporaryFolder({
      'random.tfm': SPEC,
      'text.txt': 'the quick brown fox jumps over the lazy dog. '.repeat(400),
    });
    const set = info.software ? [] : LARGE;
    const device = await openDevice(name, { notify: () => {} });
    const runTo = async (run: string, stopAfter?: number): Promise<void> => {
      const stop = new AbortController();
      await train(join(folder, 'random.tfm'), {
        set,
        device,
        out: join(folder, run),
        resume: run === 'resumed' && stopAfter === undefined,
        signal: stop.signal,
        observe: (event) => {
          if (event.kind === 'step' && event.step === stopAfter) stop.abort();
        },
      });
      tell(`${run}: ${stopAfter === undefined ? STEPS : stopAfter} steps are done`);
    };
    try {
      await runTo('whole');
      await runTo('again');
      await runTo('resumed', STOPPED_AFTER);
      const stoppedAt = lastStep(join(folder, 'resumed'));
      await runTo('resumed');
      const reasons = ['again', 'resumed'].flatMap((run) =>
        differences(join(folder, 'whole'), join(folder, run)).map((what) => `${run}: ${what}`),
      );
      if (!(stoppedAt < STEPS)) reasons.push('the run that should stop went to its end');
      return resultOf(reasons, { steps: STEPS, stopped_after: stoppedAt, settings: set });
    } finally {
      device.close();
    }
  },
};

const checkpointOf = (run: string) => loadLatestCheckpoint(nodeFiles, join(run, 'checkpoints'));
const lastStep = (run: string): number => checkpointOf(run).state.step;

/** Loss and norm of every step, as they are in the metrics. */
function numbersOf(run: string): readonly string[] {
  const lines = readFileSync(join(run, 'metrics.jsonl'), 'utf8').trimEnd().split('\n');
  return lines.flatMap((line) => {
    const { kind, step, loss, gradNorm } = JSON.parse(line);
    return kind === 'step' || kind === 'validation' ? [`${kind} ${step}: ${loss} ${gradNorm}`] : [];
  });
}

/** In which two runs differ, in words. */
function differences(one: string, other: string): readonly string[] {
  const found: string[] = [];
  const [expected, numbers] = [numbersOf(one), numbersOf(other)];
  const at = expected.findIndex((line, i) => numbers[i] !== line);
  if (at >= 0 || numbers.length !== expected.length) found.push(`${numbers[at]} instead of ${expected[at]}`);
  const [a, b] = [checkpointOf(one).path, checkpointOf(other).path];
  if (lastStep(one) !== STEPS || lastStep(other) !== STEPS) found.push(`it did not come to step ${STEPS}`);
  for (const file of readdirSync(a).filter((name) => name.endsWith('.safetensors')))
    if (!readFileSync(join(a, file)).equals(readFileSync(join(b, file)))) found.push(`${file} has other bytes`);
  return found;
}
