/** The report of a run, made from what the run folder says, so that a resumed run is in it as a whole. */
import { join } from 'node:path';
import { type Files, guardFiles, readAll, replaceFile } from '../runtime/files.ts';
import type { TrainEvent } from '../runtime/train-event.ts';
import { type ReportRun, renderReport } from './report.ts';

export const SHORT_RUN_NOTE =
  'A run this short supports no claim about schemes: their differences show after many more steps, and over several seeds.';

/** What the log of a run holds, for a report. `facts` are words and numbers for its table. */
export function reportRun(files: Files, folder: string, run: Pick<ReportRun, 'name' | 'sample' | 'facts'>): ReportRun {
  const events = readEvents(files, join(folder, 'metrics.jsonl'));
  const probes = events.flatMap((e) => (e.kind === 'probe' ? [e.values] : []));
  return {
    ...run,
    losses: events.flatMap((e) => (e.kind === 'step' ? [[e.step, e.loss] as const] : [])),
    validation: events.flatMap((e) => (e.kind === 'validation' ? [[e.step, e.loss] as const] : [])),
    probes: probes.at(-1) ?? {},
  };
}

/** Writes `report.html` into the run folder and gives its path. */
export function writeRunReport(
  files: Files,
  folder: string,
  run: Pick<ReportRun, 'name' | 'sample' | 'facts'>,
): string {
  const path = join(folder, 'report.html');
  const html = renderReport({ title: `Training of ${run.name}`, notes: [], runs: [reportRun(files, folder, run)] });
  guardFiles(path, () => replaceFile(files, path, html));
  return path;
}

function readEvents(files: Files, path: string): readonly TrainEvent[] {
  const lines = new TextDecoder().decode(guardFiles(path, () => readAll(files, path))).split('\n');
  return lines.flatMap((line) => {
    try {
      const json: unknown = JSON.parse(line);
      return isEvent(json) ? [json] : [];
    } catch {
      // The end of a line that was cut when a process was killed.
      return [];
    }
  });
}

/** Lines of this log were written by `RunFolder.record`. */
function isEvent(value: unknown): value is TrainEvent {
  return typeof value === 'object' && value !== null && 'kind' in value;
}
