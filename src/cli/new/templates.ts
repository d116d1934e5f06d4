/** What `tfm new` begins a project with. The files of a template stand in `src/templates/NAME`, those of all in `src/templates/common`. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Template {
  readonly name: string;
  readonly summary: string;
}

/** The first is taken unless another is asked for. */
export const TEMPLATES = [
  { name: 'llama', summary: 'a LLaMA: RMSNorm, rotary positions, SwiGLU' },
  { name: 'gpt2', summary: 'a GPT-2: LayerNorm, learned positions, biases, tied embeddings' },
  { name: 'lns', summary: 'a LLaMA with a residual scheme of its own, LayerNorm Scaling, to change and to compare' },
] as const satisfies readonly Template[];

/** From the bundle of the command line too, which lies two levels below `dist/src` as this module does. */
const FOLDER = fileURLToPath(new URL('../../templates/', import.meta.url));

/** The files of a project, by their paths in its folder. */
export function projectFiles(template: string, project: string): ReadonlyMap<string, string> {
  const files = [join(FOLDER, 'common'), join(FOLDER, template)].flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => {
        const path = join(parentPath, name);
        const written = readFileSync(path, 'utf8').replaceAll('{{name}}', () => project);
        return [
          path
            .slice(folder.length + 1)
            .replaceAll('\\', '/')
            .replace(GITIGNORE, '.$1'),
          written,
        ] as const;
      }),
  );
  return new Map(files.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** npm packs no file that is called so. */
const GITIGNORE = /^(gitignore)$/;
