/** Compare: the same seed by two plans, and what differs. */

import { modelPlanCost } from "../../src/browser.ts";
import { Pixels } from "../parts/pixels.tsx";
import { PlanEditor } from "../parts/plan-editor.tsx";
import { DecodeButton, useDecodeKeys } from "../parts/request-controls.tsx";
import { Stage } from "../parts/stage.tsx";
import {
  compare,
  difference,
  planOf,
  type Side,
  type SideName,
  seriesOf,
  setSide,
  sides,
  sideTitles,
} from "../state/compare.ts";
import { drawnSeed, images } from "../state/request.ts";
import { type Session, sessions } from "../state/sessions.ts";
import { multiplyAddsText, planText, secondsText } from "../state/words.ts";

export function CompareView() {
  const session = sessions.image.value;
  useDecodeKeys((isNewSeed) => {
    if (isNewSeed) images.seed.value = drawnSeed();
    void compare();
  });
  if (!session) return <div class="view waiting" />;
  const [left, right] = sides.value;
  const chosen = images.classes.value;
  return (
    <div class="view compare">
      <div class="compare-head">
        <p>
          {chosen.length > 0 ? chosen.join(", ") : "No class"}, seed <b>{String(images.seed.value)}</b>,
          chosen in Generate.
        </p>
        <DecodeButton label="Compare" onDecode={() => void compare()} />
      </div>
      <div class="compare-sides">
        <SideView which={0} side={left} session={session} />
        <SideView which={1} side={right} session={session} />
        <DifferenceView />
      </div>
    </div>
  );
}

function SideView({ which, side, session }: { which: 0 | 1; side: Side; session: Session }) {
  const { model } = session;
  const plan = planOf(model, side.name);
  const cost = modelPlanCost(model.transformer.config, plan);
  const series = seriesOf(model, side);
  const made = series?.made;
  return (
    <section class="side" aria-label={which === 0 ? "Left plan" : "Right plan"}>
      <label class="side-choice">
        <span class="visually-hidden">{which === 0 ? "Left plan" : "Right plan"}</span>
        <select
          value={side.name}
          onChange={({ currentTarget }) => setSide(which, currentTarget.value as SideName)}
        >
          {Object.entries(sideTitles).map(([name, title]) => (
            <option key={name} value={name}>
              {title}
            </option>
          ))}
        </select>
      </label>
      {series ? <Stage series={series} step={null} colourBy="none" /> : <div class="stage is-empty" />}
      <dl class="figures">
        <div>
          <dt>Seconds</dt>
          <dd data-test={`seconds-${which}`}>{made ? secondsText(made.stats.seconds) : "…"}</dd>
        </div>
        <div>
          <dt>Multiply-adds an image</dt>
          <dd>{multiplyAddsText(cost.multiplyAdds)}</dd>
        </div>
      </dl>
      <PlanEditor plan={plan} cost={cost} factors={model.transformer.config.factors} shown={null} />
      <p class="aside">{planText(plan)}</p>
    </section>
  );
}

function DifferenceView() {
  const found = difference.value;
  const [left, right] = sides.value.map(({ series }) => series?.made?.stats ?? null);
  if (!found || !left || !right) return null;
  return (
    <section class="side difference" aria-label="Difference" data-test="difference">
      <h2>Difference</h2>
      <div class="stage" data-count={found.images.length}>
        {found.images.map((image, i) => (
          <div class="stage-tile" key={i}>
            <Pixels raster={image} label={`Difference of image ${i + 1}, three times as strong`} />
          </div>
        ))}
      </div>
      <p>
        {found.tokens} of {found.of} tokens differ. Pixels are shown three times as strong.
      </p>
      <p>
        The right plan takes {ratioText(left.multiplyAdds / right.multiplyAdds, "fewer")} multiply-adds and{" "}
        {ratioText(left.seconds / right.seconds, "less")} time.
      </p>
    </section>
  );
}

const ratioText = (ratio: number, less: string): string =>
  ratio >= 1 ? `${ratio.toFixed(2)} times ${less}` : `${(1 / ratio).toFixed(2)} times more`;
