/** Trains the bigram model in a process of its own, to be killed: `train-child.ts TEXT_FOLDER RUN_FOLDER new|resume`. */
import { train } from '../../src/runtime/train.ts';
import { bigramJob, CONFIG, openRun } from './bigram-job.ts';

const [folder = '', path = '', mode] = process.argv.slice(2);
const config = { ...CONFIG, steps: 120, saveEvery: 3 };
const run = openRun(path, mode === 'resume', config);
await train({
  ...bigramJob(folder, config),
  run,
  resume: mode === 'resume',
  observe: (event) => {
    if (event.kind === 'step') process.stdout.write(`step ${event.step}\n`);
  },
});
run.close();
