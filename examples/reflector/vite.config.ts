import { defineConfig } from 'vite'

export default defineConfig({
  root: 'src/page',
  base: '/',
  build: { outDir: '../../dist/page', emptyOutDir: true },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
})
