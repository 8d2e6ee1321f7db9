const systemNames = new Set(
  [
    [".DS_Store", ".Spotlight-V100", ".TemporaryItems", ".Trashes", ".fseventsd", ".apdisk"],
    ["Thumbs.db", "ehthumbs.db", "desktop.ini", "$RECYCLE.BIN", "System Volume Information"],
    ["@eaDir", "#recycle", "#snapshot", "@Recycle", "@Recently-Snapshot", ".@__thumb", "@tmp"],
    ["lost+found", ".snapshot", ".zfs", ".recycle", ".Trash"],
  ]
    .flat()
    .map((name) => name.toLowerCase()),
);

// ._NAME: what macOS knows of a file beside its content; ~$NAME and .~lock.NAME#: that an office program has it open.
const systemPattern = /^\.Trash-\d+$|^\.nfs[0-9a-f]{8,}$|^\.fuse_hidden|^\._|^~\$|^\.~lock\..*#$/;

/** Whether a system, a file server or a program keeps its own things under this name: bins, snapshots, thumbnails, locks. */
export function isSystemName(name: string): boolean {
  return systemNames.has(name.toLowerCase()) || systemPattern.test(name);
}
