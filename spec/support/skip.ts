/** Tests that a machine cannot run say so, and `spec/run.ts` shows it: a check is never left out in silence. */
export function tellSkipped(why: string): void {
  console.log(`SKIPPED: ${why}`);
}

/** Ends a file whose tests all need what is not there. */
export function skipFile(why: string): never {
  tellSkipped(why);
  process.exit(0);
}
