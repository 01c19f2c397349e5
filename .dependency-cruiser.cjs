// The import rule of the house as data: which room may import which. Checked by `npm test`.
// A room of shared/ imports only rooms of the lines above its own; rooms of one line stand side by
// side and do not import each other. Exceptions are listed at the rule, with the reason.

const LINES = [
  ["units"],
  ["events", "engine", "scenario"],
  ["model"],
  ["rules", "profile"],
  ["verify", "compare"],
  ["report"],
  ["contract"],
];
/** Inside the model; `kernels` is data for all of them and imports none. */
const MODEL_LINES = [["state"], ["host"], ["guest"], ["lookup"], ["kvm"], ["lab"], ["inspect"]];
/** What a page may know of shared/: the contract, and what is pure text or presentation. */
const FOR_PAGES = ["units", "contract", "events", "profile", "scenario"];
const TESTS = "\\.(test|bench)\\.ts$";

const anyOf = (rooms) => `(${rooms.join("|")})`;

/** One rule a room: everything in `folder` but itself and the lines above it is forbidden. */
function roomRules(folder, lines, name) {
  return lines.flatMap((line, index) =>
    line.map((room) => {
      const allowed = [room, ...lines.slice(0, index).flat()];
      const forbidden = lines.flat().filter((other) => !allowed.includes(other));
      return {
        name: `${name}-${room}`,
        comment: `${folder}/${room} may import only ${allowed.join(", ")} of ${folder}/.`,
        severity: "error",
        from: { path: `^${folder}/${room}/` },
        to: { path: `^${folder}/${anyOf([...forbidden, "(?!)"])}/` },
      };
    }),
  );
}

const rule = (name, comment, from, to) => ({ name, comment, severity: "error", from, to });

module.exports = {
  forbidden: [
    rule(
      "no-cycle",
      "No cycles anywhere; an import of types alone is none, it is gone when the code runs.",
      {},
      { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    ),
    rule(
      "no-unresolvable",
      "The file or package does not exist.",
      {},
      { couldNotResolve: true, pathNot: "\\?(worker|raw|url)|^monaco-editor|^virtual:" },
    ),
    ...roomRules("shared", LINES, "room"),
    ...roomRules("shared/model", MODEL_LINES, "model"),
    rule(
      "kernels-are-data",
      "A kernel is data: it imports nothing of the model.",
      { path: "^shared/model/kernels/", pathNot: TESTS },
      { path: "^shared/model/(?!kernels/)" },
    ),
    rule(
      "shared-is-pure",
      "shared/ touches neither Node nor Electron nor the app around it.",
      { path: "^shared/", pathNot: TESTS },
      { dependencyTypes: ["core"] },
    ),
    rule(
      "shared-stands-alone",
      "shared/ imports nothing of electron/ and renderer/, and only the packages zod and yaml.",
      { path: "^shared/", pathNot: TESTS },
      { path: "^(electron|renderer)/|(^|/)node_modules/(?!(zod|yaml)/)" },
    ),
    rule(
      "pages-without-node",
      "A page has no Node and no Electron.",
      { path: "^renderer/", pathNot: `^renderer/(e2e|bench)/|${TESTS}` },
      { path: "^electron/|(^|/)node_modules/electron/", dependencyTypesNot: ["type-only"] },
    ),
    rule(
      "pages-without-core",
      "A page has no Node modules.",
      { path: "^renderer/", pathNot: `^renderer/(e2e|bench)/|${TESTS}` },
      { dependencyTypes: ["core"] },
    ),
    rule(
      "pages-know-the-contract",
      `Pages import of shared/ only ${FOR_PAGES.join(", ")}.`,
      { path: "^renderer/", pathNot: `^renderer/(e2e|bench)/|${TESTS}` },
      { path: `^shared/(?!${anyOf(FOR_PAGES)}/)` },
    ),
    rule(
      "widgets-know-nothing",
      "A widget knows no pane and no frame of the app.",
      { path: "^renderer/widgets/", pathNot: TESTS },
      { path: "^renderer/(app|panes)/|(^|/)node_modules/pinia/" },
    ),
    rule(
      "panes-meet-in-the-selection",
      "A pane never imports another pane.",
      { path: "^renderer/panes/([^/]+)/" },
      { path: "^renderer/panes/", pathNot: "^renderer/panes/$1/" },
    ),
    rule(
      "electron-without-pages",
      "Hosts reach the page as built files only.",
      { path: "^electron/" },
      { path: "^renderer/" },
    ),
    rule(
      "doors-import-services",
      "Main, window, browser and cli import the services, never the store or the workers.",
      {
        path: "^electron/(main\\.ts|preload\\.ts|window/|browser/|cli/|host/)",
        pathNot: TESTS,
      },
      { path: "^electron/(store|workers)/" },
    ),
    rule(
      "inner-rooms-know-no-door",
      "Services, workers and store know no host.",
      { path: "^electron/(services|workers|store)/" },
      { path: "^electron/(main\\.ts|preload\\.ts|window/|browser/|cli/|host/|boot/)" },
    ),
    rule(
      "store-is-lowest",
      "The store knows neither workers nor services.",
      { path: "^electron/store/", pathNot: TESTS },
      { path: "^electron/(services|workers)/" },
    ),
    rule(
      "workers-below-services",
      "Workers do not import the services.",
      { path: "^electron/workers/", pathNot: TESTS },
      { path: "^electron/services/" },
    ),
    rule(
      "electron-in-the-window-only",
      "Importing electron under plain Node fetches its program: only window and preload do it.",
      { path: "^(electron|shared)/", pathNot: "^electron/(window/|preload\\.ts)" },
      { path: "(^|/)node_modules/electron/|^electron$" },
    ),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(out|fixtures)/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.base.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "types", "node", "default"],
      extensions: [".ts", ".mjs", ".js", ".json", ".d.ts", ".vue"],
    },
  },
};
