import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { report, type StepResults } from './report.ts';

const BEGIN = '<!-- results: written by `npm run bench` -->';

/** README.md with the tables of the newest results. */
export function readmeWithResults(folder: URL): string {
  const readme = readFileSync(new URL('README.md', folder), 'utf8');
  const [prose = ''] = readme.split(BEGIN);
  const results = new URL('results/', folder);
  const [newest] = (existsSync(results) ? readdirSync(results) : [])
    .filter((name) => /^steps-.*\.json$/.test(name))
    .sort()
    .reverse();
  if (newest === undefined) return readme;
  const raw = JSON.parse(readFileSync(new URL(newest, results), 'utf8')) as StepResults;
  return `${prose}${BEGIN}\n\nFrom [results/${newest}](results/${newest}).\n\n${report(raw)}\n`;
}
