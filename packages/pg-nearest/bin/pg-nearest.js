#!/usr/bin/env node
// Not the compiled file itself: npm links a workspace's commands before anything is compiled, and only those that exist.
await import('../dist/cli/main.js')
