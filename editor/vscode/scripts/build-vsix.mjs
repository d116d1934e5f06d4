// Bundles the client and packs it with its grammar as a .vsix: a zip whose manifest VS Code reads. No network is needed.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { strToU8, zipSync } from 'fflate';

const folder = dirname(dirname(fileURLToPath(import.meta.url)));
const read = (path) => readFileSync(join(folder, path), 'utf8');
const { scripts: _, dependencies: __, devDependencies: ___, ...manifest } = JSON.parse(read('package.json'));

const { metafile } = await build({
  absWorkingDir: folder,
  entryPoints: ['src/extension.ts'],
  outfile: 'dist/extension.cjs',
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  external: ['vscode'],
  minify: true,
  metafile: true,
  logLevel: 'warning',
});

const files = {
  'extension/package.json': JSON.stringify(manifest, undefined, 2),
  'extension/README.md': read('README.md'),
  'extension/LICENSE.txt': read('../../LICENSE'),
  'extension/third-party-notices.txt': notices(Object.keys(metafile.inputs)),
  'extension/language-configuration.json': read('language-configuration.json'),
  'extension/tfm.tmLanguage.json': read('tfm.tmLanguage.json'),
  'extension/dist/extension.cjs': read('dist/extension.cjs'),
  'extension.vsixmanifest': vsixManifest(),
  '[Content_Types].xml': contentTypes(['json', 'md', 'txt', 'cjs', 'vsixmanifest']),
};
// One date, so that the same sources make the same file.
const mtime = new Date(2000, 0, 1);
const entries = Object.entries(files).map(([name, text]) => [name, [strToU8(text), { mtime }]]);
mkdirSync(join(folder, 'dist'), { recursive: true });
const target = join(folder, 'dist', `${manifest.name}.vsix`);
writeFileSync(target, zipSync(Object.fromEntries(entries)));
process.stdout.write(`${target}\n`);

/** The licences of the packages that the bundle holds. */
function notices(inputs) {
  const names = inputs.flatMap((path) => /^.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[0] ?? []);
  return [...new Set(names)]
    .sort()
    .map((path) => {
      const { name, version, license } = JSON.parse(read(`${path}package.json`));
      const file = ['LICENSE', 'License.txt', 'LICENSE.md', 'LICENSE.txt'].find((f) =>
        existsSync(join(folder, path, f)),
      );
      if (file === undefined) throw new Error(`${name} has no licence`);
      return `${name} ${version} (${license})\n\n${read(path + file).trim()}\n`;
    })
    .join('\n---\n\n');
}

function vsixManifest() {
  const { name, version, publisher, displayName, description, engines, categories } = manifest;
  return `<?xml version="1.0" encoding="utf-8"?>
<PackageManifest Version="2.0.0" xmlns="http://schemas.microsoft.com/developer/vsx-schema/2011">
  <Metadata>
    <Identity Language="en-US" Id="${name}" Version="${version}" Publisher="${publisher}"/>
    <DisplayName>${displayName}</DisplayName>
    <Description xml:space="preserve">${description}</Description>
    <Tags>tfm,__ext_tfm</Tags>
    <Categories>${categories.join(',')}</Categories>
    <License>extension/LICENSE.txt</License>
    <Properties>
      <Property Id="Microsoft.VisualStudio.Code.Engine" Value="${engines.vscode}"/>
      <Property Id="Microsoft.VisualStudio.Code.ExtensionKind" Value="workspace"/>
    </Properties>
  </Metadata>
  <Installation>
    <InstallationTarget Id="Microsoft.VisualStudio.Code"/>
  </Installation>
  <Dependencies/>
  <Assets>
    <Asset Type="Microsoft.VisualStudio.Code.Manifest" Path="extension/package.json" Addressable="true"/>
    <Asset Type="Microsoft.VisualStudio.Services.Content.Details" Path="extension/README.md" Addressable="true"/>
    <Asset Type="Microsoft.VisualStudio.Services.Content.License" Path="extension/LICENSE.txt" Addressable="true"/>
  </Assets>
</PackageManifest>
`;
}

function contentTypes(extensions) {
  const types = { json: 'application/json', md: 'text/markdown', txt: 'text/plain', cjs: 'application/javascript' };
  const rows = extensions.map((e) => `<Default Extension=".${e}" ContentType="${types[e] ?? 'text/xml'}"/>`);
  return `<?xml version="1.0" encoding="utf-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">${rows.join('')}</Types>
`;
}
