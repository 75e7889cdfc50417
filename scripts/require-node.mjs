// Plain JavaScript for old Nodes: everything after this line of defence may use Node 24.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 12)) {
  console.error(
    `k8s-nemesis needs Node 24.12 or newer, but this is Node ${process.versions.node}. ` +
      'Run it through make or npm (for instance "make demo"): "npm ci" brings the right Node along for Linux on x64 and arm64.',
  );
  process.exit(1);
}
