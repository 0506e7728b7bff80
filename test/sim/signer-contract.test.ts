// The Signer port's contract, on signatures that cost one hash.
import type { PeerId } from '../../protocols/index.ts';
import { SignerRegistry } from '../../sim/signer.ts';
import { signerContract } from '../contracts/signer.ts';

const registry = new SignerRegistry();
let members = 0;

signerContract('the simulated signer', async () => {
  members += 1;
  return registry.create(`12D3KooWmember${members}` as PeerId, `secret ${members}`);
});
