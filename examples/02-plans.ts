// One seed decoded by several plans: what each costs, how long it takes and how it looks. One row per plan.
// npx tsx examples/02-plans.ts [model folder]
import { baselinePlan, ImagePipeline, imageSheet, type PlanOptions, writeFileAtomic } from "../src/index.ts";

const baseline = baselinePlan({ steps: 12 }); // full model, every position in every step, no cache
const ways: Record<string, PlanOptions> = {
  "baseline, no cache": { plan: baseline },
  "baseline, cached": { plan: { ...baseline, cache: { enabled: true } } },
  "scheduled, cached": { modelSchedule: "8x3,4x3,2x3,1x3" },
  "1/8 alone, cached": { modelSchedule: "8x12" },
};

const pipeline = await ImagePipeline.fromPretrained(process.argv[2] ?? "models/sprites");
try {
  const rows = [];
  for (const [name, way] of Object.entries(ways)) {
    const { images, stats } = await pipeline.generate({ classes: ["all"], count: 6, seed: 3, ...way });
    const cost = `${(stats.multiplyAdds / 1e9).toFixed(2)} G multiply-adds, ${stats.ratio.toFixed(2)} times less`;
    console.log(`${name.padEnd(18)} ${cost}, ${stats.seconds.toFixed(2)} s`);
    rows.push(...images);
  }
  await writeFileAtomic("out/examples/plans.png", await imageSheet(rows, { columns: 6, scale: 2 }));
  console.log("one row per plan: out/examples/plans.png");
} finally {
  await pipeline.dispose();
}
