import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** Everything the page needs ends up in web/dist: the server's content policy lets nothing else in. */
export default defineConfig({
  base: "./",
  plugins: [react()],
  build: {
    outDir: "dist",
    emptyOutDir: true,
    target: "es2023",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1000,
  },
});
