/** PTX of all kernels, among the kernels of a compiled folder. */
export const PTX_FILE = 'kernels/all.ptx';
