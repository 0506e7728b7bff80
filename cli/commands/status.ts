// `meldmesh status`: what a running node, or every node of a mesh on this machine, is doing.
import type { Command } from 'commander';

const EXAMPLES = `
Examples:
  meldmesh status                                    the node in .meldmesh/node, else the newest mesh
  meldmesh status --store .meldmesh/mesh-20260102-030405
  meldmesh status --store /data --json               exit status 0: it runs (a health check)`;

/** Adds the command to a program. */
export function addStatus(program: Command): void {
  program
    .command('status')
    .description('show a running node through the socket in its store')
    .option('--store <dir>', 'folder of a node or of a mesh (default: .meldmesh/node, else the newest mesh)')
    .option('--json', 'print one JSON object a line for each node', false)
    .addHelpText('after', EXAMPLES)
    .action(async (options: { store: string | undefined; json: boolean }) => {
      const { runStatus } = await import('../status.ts');
      await runStatus(options);
    });
}
