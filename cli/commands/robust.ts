// Flags of `meldmesh robust`: many updates become one by a rule that bears attackers.
import type { Command } from 'commander';
import type { RobustWords } from '../robust/run.ts';

const EXAMPLES = `
Examples:
  meldmesh robust --rule trimmed:0.2 --updates updates/ -o fused.safetensors
  meldmesh robust --rule 'clip|nnm:0.2|trimmed:0.2/median' --updates updates/ -o fused.safetensors --json
  meldmesh robust --rule 'equal|geometric-median' --updates updates/ -o fused.safetensors --force
  meldmesh robust --rule fltrust --reference mine.safetensors --updates updates/ -o fused.safetensors

Every .safetensors file in the folder is one update: trained weights minus those from which training began. All have equal
tensors. A file weighs as much as "meldmesh.samples" in its metadata says, or 1 where no file says it.

  steps in front  equal, clip[:factor], nnm[:share], bucket[:size]
  rules           mean, median[:support], trimmed[:share[,support]], geometric-median, krum[:share], multi-krum[:share],
                  bulyan[:share], minimum-diameter[:share], centred-clip[:factor[,iterations]],
                  sign-election[:support], fltrust, cosine

The share is that of the attackers among the updates (0.2). After a slash stands what to use where there are too few updates
for the rule before it. docs/robust-means.md says what each of them bears.`;

/** Adds the command to a program. */
export function addRobust(program: Command): void {
  program
    .command('robust')
    .description('fuse update files by a rule that bears attackers, and print the scores of each')
    .requiredOption('--rule <name>', 'a rule, with steps in front of it: clip|nnm:0.2|trimmed:0.2')
    .requiredOption('--updates <dir>', 'folder of .safetensors files with equal tensors')
    .requiredOption('-o, --out <file>', 'where the fused update goes, as safetensors')
    .option('--reference <file>', 'for fltrust: an update that is trusted')
    .option('--seed <text>', 'for bucket: what the buckets are drawn from', '1')
    .option('--force', 'overwrite a file that is there', false)
    .option('--json', 'print one JSON object', false)
    .addHelpText('after', EXAMPLES)
    .action(async (words: RobustWords) => {
      const { runRobust } = await import('../robust/run.ts');
      runRobust(words);
    });
}
