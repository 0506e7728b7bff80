// Run by trainer-nodes.test.ts under a limit on the size of files: asks a trainer whose weights cannot be written.
import { manifestOf } from './support/meshes.ts';
import { askTrainer, faultyTrainer, processesWith } from './support/trainers.ts';

const [folder] = process.argv.slice(2);
const { train, learner } = await askTrainer(
  { command: faultyTrainer('none', folder), folder },
  { manifest: manifestOf({}) },
);
const trainer = () => processesWith(folder).filter((pid) => pid !== process.pid && pid !== process.ppid);
const before = trainer();
const events = [await train(1), await train(2)];
console.log(JSON.stringify({ events, before, after: trainer() }));
await learner.stop();
