/** The rows that a workgroup owns in attention on matrix units. */
import { FRAGMENT_LANES } from '../ir/fragment.ts';
import type { Axis } from '../ir/graph.ts';
import type { Expr } from '../ir/kernel.ts';
import { builtin } from '../ir/kernel-expr.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import { type AttendTile, lanesOf, ownRowsOf } from './attend-matrix-tile.ts';
import { bounded, div, indicesAt, mod, mul } from './index-math.ts';
import type { Env, KernelWriter } from './writer.ts';

/** Where the own rows of a workgroup lie, and this invocation among them. */
export interface OwnTile {
  readonly tile: AttendTile;
  readonly over: Axis;
  /** Over the outer axes, and the index of each. */
  readonly outerAt: Expr;
  readonly outer: Env;
  readonly first: Expr;
  readonly count: number;
  readonly lane: Expr;
  /** The number of the invocation in its subgroup, and of that along rows and columns. */
  readonly member: Expr;
  readonly rowTeam: Expr;
  readonly columnTeam: Expr;
}

export function tilesOver(tile: AttendTile, over: Axis): number {
  return Math.ceil(over.size / ownRowsOf(tile));
}

/** `place`: the number of the workgroup among those of all positions over `outer`. */
export function ownTile(
  writer: KernelWriter,
  tile: AttendTile,
  wish: string,
  over: Axis,
  outer: readonly Axis[],
  place: Expr = builtin('group'),
): OwnTile {
  const tiles = tilesOver(tile, over);
  const group = bounded(place, tiles * elementsOf(outer) - 1);
  const lane = bounded(builtin('local'), lanesOf(tile) - 1);
  const named = (name: string, value: Expr): Expr => (value.kind === 'literal' ? value : writer.let(name, value));
  const outerAt = named('outer', div(group, tiles));
  const team = div(lane, FRAGMENT_LANES);
  return {
    tile,
    over,
    outerAt,
    outer: indicesAt(outerAt, outer),
    first: named(`first_${wish}`, mul(mod(group, tiles), ownRowsOf(tile))),
    count: ownRowsOf(tile),
    lane,
    member: bounded(builtin('subgroup_lane'), FRAGMENT_LANES - 1),
    rowTeam: named('row_team', div(team, tile.columnTeams)),
    columnTeam: named('column_team', mod(team, tile.columnTeams)),
  };
}
