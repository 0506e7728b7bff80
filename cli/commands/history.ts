import type { Command } from 'commander';
export function addHistory(_program: Command): void {}
