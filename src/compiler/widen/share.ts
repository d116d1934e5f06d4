/** Neighbours that an invocation takes where all do alike: a four, and on a CPU, where starting a workgroup is dear, several. */
export const SHARE = { cpu: 16, gpu: 4 } as const;
