/** `for`: its meaning is its iterations one after the other. */
import type { HirBreak, HirFor, HirIteration } from '../ir/hir.ts';
import type { For } from '../syntax/ast.ts';
import { runAtOnce } from './at-once.ts';
import { carry } from './carry.ts';
import { textOf } from './describe.ts';
import { bind, type Env } from './env.ts';
import { at, type Scope } from './session.ts';
import { enter, type Turn, turnsOf } from './turns.ts';
import { number } from './value.ts';

/** Elaborates one iteration in the scope that it is given, and gives the environment after it. */
export type RunIteration = (inner: Scope) => Env;

/** Fewer iterations than this are elaborated one by one. */
const FEW = 4;
/** After this many iterations with errors the others are left alone: they would most likely say the same. */
const ENOUGH = 16;

/**
 * Runs a `for`. Names bound before it and rebound in it are carried. The iterations of a range are elaborated at once as
 * far as they have one body: where they part, the range is cut; where they have nothing in common, they go one by one.
 */
export function runFor(statement: For, scope: Scope, run: RunIteration): Env {
  const { session } = scope.frame;
  const turns = turnsOf(statement, scope);
  const parts: HirFor['parts'][number][] = [];
  const breaks: HirBreak[] = [];
  let env = scope.env;
  let done = 0;
  let failed = 0;
  let end = turns.length;
  let together = session.atOnce && session.lanes === undefined && statement.to !== undefined;
  while (done < turns.length) {
    const next = turns.slice(done, end);
    if (together && next.length >= FEW) {
      const result = runAtOnce(statement, at(scope, env), next, run);
      if (result.kind === 'done') {
        parts.push(result.lanes);
        env = result.env;
        done = end;
        end = turns.length;
      } else if (result.at === undefined) {
        together = false;
        end = turns.length;
      } else {
        end = done + result.at;
        const reason = result.span ? `\`${textOf(result.span)}\` differs` : 'it differs';
        breaks.push({ before: turns[end]?.label ?? '', reason, span: result.span ?? statement.span });
      }
      continue;
    }
    for (const turn of next) {
      const before = session.errorsMet;
      const result = runAlone(statement, at(scope, env), turn, run);
      parts.push(result.iteration);
      env = result.env;
      if (session.errorsMet > before) failed += 1;
      if (failed === ENOUGH) break;
    }
    done = end;
    end = turns.length;
  }
  session.items.push({ kind: 'for', variable: variableOf(statement), parts, breaks, span: statement.span });
  return env;
}

export function variableOf(statement: For): string {
  return statement.names[0]?.text ?? '';
}

function runAlone(
  statement: For,
  scope: Scope,
  turn: Turn,
  run: RunIteration,
): { readonly iteration: HirIteration; readonly env: Env } {
  const { session, loops } = scope.frame;
  const around = session.items;
  session.items = [];
  try {
    const inner = statement.names.reduce((e, n, i) => bind(e, n.text, turn.values[i] ?? number(0), n.span), scope.env);
    const frame = { ...scope.frame, loops: enter(loops, variableOf(statement), turn) };
    const env = carry(session, run({ frame, env: inner }), inner, scope.env, statement.span);
    return { iteration: { kind: 'iteration', label: turn.label, items: session.items }, env };
  } finally {
    session.items = around;
  }
}
