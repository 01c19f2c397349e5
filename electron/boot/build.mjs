// `npm run build`: installs if needed and brings out/ up to date.
// The same steps as `npm start` takes before it starts anything.
// Exit code 0: out/ is what the sources say.
import { ensureBuilt } from "./built.mjs";
import { ready } from "./install.mjs";
import { script } from "./project.mjs";

await script(async () => {
  await ensureBuilt(await ready());
  return 0;
});
