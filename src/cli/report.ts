import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** What a report shows of one training run. */
export interface ReportRun {
  readonly name: string;
  /** (step, training loss). */
  readonly losses: readonly (readonly [number, number])[];
  /** (step, validation loss). */
  readonly validation: readonly (readonly [number, number])[];
  /** Last values of each probe; those with one for each block are drawn by depth. */
  readonly probes: Readonly<Record<string, readonly number[]>>;
  readonly sample: string | undefined;
  /** Facts in words: parameters, tokens, seconds, device. */
  readonly facts: readonly (readonly [string, string])[];
}

export interface Report {
  readonly title: string;
  /** What may and may not be concluded. */
  readonly notes: readonly string[];
  readonly runs: readonly ReportRun[];
}

const COLOURS = ['#1f77b4', '#d62728', '#2ca02c', '#9467bd', '#ff7f0e', '#17becf'];

/** One HTML file with interactive charts and nothing to fetch: the chart library lies inside it. */
export function renderReport(report: Report): string {
  const require = createRequire(import.meta.url);
  const library = readFileSync(require.resolve('uplot/dist/uPlot.iife.min.js'), 'utf8');
  const style = readFileSync(require.resolve('uplot/dist/uPlot.min.css'), 'utf8');
  const curves = joinSeries(report.runs.flatMap((r) => [r.losses, r.validation]));
  const depths = probesByDepth(report.runs);
  const charts = [
    {
      title: 'Loss by step',
      x: 'step',
      data: curves,
      series: report.runs.flatMap((r, i) => [
        { label: `${r.name}, training`, stroke: colour(i), width: 1 },
        { label: `${r.name}, validation`, stroke: colour(i), width: 2, dash: [6, 4] },
      ]),
      log: false,
    },
    ...depths.map(({ name, blocks }) => ({
      title: `${name} by block`,
      x: 'block',
      data: [blocks, ...report.runs.map((r) => blocks.map((b) => r.probes[name]?.[b - 1] ?? null))],
      series: report.runs.map((r, i) => ({ label: r.name, stroke: colour(i), width: 2 })),
      log: report.runs.every((r) => (r.probes[name] ?? []).every((v) => v > 0)),
    })),
  ].filter((chart) => (chart.data[0] ?? []).length > 0);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(report.title)}</title>
<style>
${style}
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; } td, th { padding: 0.2rem 1rem 0.2rem 0; text-align: left; font-variant-numeric: tabular-nums; }
pre { white-space: pre-wrap; background: #f6f6f6; padding: 0.8rem; border-radius: 4px; }
.note { color: #666; }
</style>
</head>
<body>
<h1>${escapeHtml(report.title)}</h1>
${report.notes.map((n) => `<p class="note">${escapeHtml(n)}</p>`).join('\n')}
${charts.map((c, i) => `<h2>${escapeHtml(c.title)}</h2>\n<div id="chart${i}"></div>`).join('\n')}
${factsTable(report.runs)}
${depths.map((d) => probeTable(report.runs, d)).join('\n')}
${report.runs.flatMap((r) => (r.sample === undefined ? [] : [`<h2>Text from ${escapeHtml(r.name)}</h2>\n<pre>${escapeHtml(r.sample)}</pre>`])).join('\n')}
<script>${library}</script>
<script>
const charts = ${embedJson(charts)};
charts.forEach((chart, i) => new uPlot({
  width: Math.min(920, document.body.clientWidth), height: 340,
  scales: { x: { time: false }, y: chart.log ? { distr: 3 } : {} },
  axes: [{ label: chart.x }, { size: 70 }],
  series: [{ label: chart.x }, ...chart.series.map((s) => ({ ...s, spanGaps: true, points: { show: chart.x === 'block' } }))],
}, chart.data, document.getElementById('chart' + i)));
</script>
</body>
</html>
`;
}

function colour(i: number): string {
  return COLOURS[i % COLOURS.length] ?? '#000';
}

/** Series over different steps as columns over all steps, with null where one has no point. */
function joinSeries(
  series: readonly (readonly (readonly [number, number])[])[],
): readonly (readonly (number | null)[])[] {
  const steps = [...new Set(series.flatMap((s) => s.map(([step]) => step)))].sort((a, b) => a - b);
  const columns = series.map((s) => {
    const at = new Map(s);
    return steps.map((step) => at.get(step) ?? null);
  });
  return [steps, ...columns];
}

function factsTable(runs: readonly ReportRun[]): string {
  const names = [...new Set(runs.flatMap((r) => r.facts.map(([name]) => name)))];
  if (names.length === 0) return '';
  const cell = (run: ReportRun, name: string): string => escapeHtml(run.facts.find(([n]) => n === name)?.[1] ?? '');
  const rows = names.map(
    (n) => `<tr><th>${escapeHtml(n)}</th>${runs.map((r) => `<td>${cell(r, n)}</td>`).join('')}</tr>`,
  );
  return `<h2>Runs</h2>\n<table>${headRow('', runs)}${rows.join('')}</table>`;
}

interface ProbeByDepth {
  readonly name: string;
  /** 1, 2, … */
  readonly blocks: readonly number[];
}

/** Probes that have a value for each block in some run. */
function probesByDepth(runs: readonly ReportRun[]): readonly ProbeByDepth[] {
  const names = [...new Set(runs.flatMap((r) => Object.keys(r.probes)))];
  return names.flatMap((name) => {
    const depth = Math.max(...runs.map((r) => r.probes[name]?.length ?? 0));
    return depth > 1 ? [{ name, blocks: Array.from({ length: depth }, (_, i) => i + 1) }] : [];
  });
}

function probeTable(runs: readonly ReportRun[], { name, blocks }: ProbeByDepth): string {
  const rows = blocks.map(
    (b) =>
      `<tr><th>${b}</th>${runs.map((r) => `<td>${r.probes[name]?.[b - 1]?.toPrecision(4) ?? ''}</td>`).join('')}</tr>`,
  );
  return `<h2>${escapeHtml(name)} by block</h2>\n<table>${headRow('block', runs)}${rows.join('')}</table>`;
}

function headRow(first: string, runs: readonly ReportRun[]): string {
  return `<tr><th>${first}</th>${runs.map((r) => `<th>${escapeHtml(r.name)}</th>`).join('')}</tr>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** JSON that cannot end the script element it stands in. */
function embedJson(value: unknown): string {
  return JSON.stringify(value).replace(/</g, '\\u003c');
}
