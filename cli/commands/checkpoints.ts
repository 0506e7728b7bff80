import type { Command } from 'commander';
export function addCheckpoints(_program: Command): void {}
