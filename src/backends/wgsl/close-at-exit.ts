const open = new Set<GPUDevice>();

function closeAll(): void {
  for (const gpu of open) gpu.destroy();
  open.clear();
}

/**
 * Closes a device when the process ends, if it was not closed before. A software driver whose threads are at work when
 * the process is taken down crashes it, and its exit code is lost.
 *
 * @returns Closes the device now.
 */
export function closeAtExit(gpu: GPUDevice): () => void {
  if (open.size === 0) process.once('exit', closeAll);
  open.add(gpu);
  return () => {
    gpu.destroy();
    open.delete(gpu);
    if (open.size === 0) process.off('exit', closeAll);
  };
}
