import type { CliCommand } from '../command.ts';

export const lsp: CliCommand = {
  configure: (command) => command.option('--stdio', 'what it does anyway; editors say it'),
  run: async () => {
    // The protocol's library is only worth its time here.
    const { serve } = await import('../../lsp/server.ts');
    serve(process.stdin, process.stdout);
    // The editor ends the process.
    return new Promise(() => undefined);
  },
};
