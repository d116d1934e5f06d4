/** Which tile a product is computed by, where someone measured it. */

/** The tile to use, by the key of the product. An entry that names none of the menu, or one that does not fit, counts for nothing. */
export type TileTable = ReadonlyMap<string, string>;

/** With it, the compiler estimates what is cheapest: the same plan everywhere. */
export const NO_TILES: TileTable = new Map();

/** The tile of a product, or those of all parts of a launch, and what else there was to choose from. */
export interface Tiling {
  /** All that the time of the launch depends on, apart from the device and the tile; see `lower/product-key.ts`. */
  readonly key: string;
  /** The name of the tile. */
  readonly tile: string;
  /** The names of all that fit, with the one that is taken; what is estimated to be cheapest comes first. */
  readonly candidates: readonly string[];
}
