import { IconInfoCircle } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { ReviewBody } from "../../../src/http/schema.ts";
import { type Edits, isEdited, isTheVery, noEdits, type Size, shownRegions } from "../regions/region-edits.ts";
import { RegionList } from "../regions/region-list.tsx";
import { useFarewell } from "../regions/use-farewell.ts";
import { useRegionEditing } from "../regions/use-region-editing.ts";
import { Notice } from "../shell/notice.tsx";
import { type Deciding, DecisionBar } from "./decision-bar.tsx";
import { decidedRegions, heldRegions } from "./held-regions.ts";
import type { Seen } from "./look.ts";
import classes from "./review-bench.module.css";
import { ReviewLegend } from "./review-legend.tsx";
import { ReviewPicture } from "./review-picture.tsx";
import { WhyHeld } from "./why-held.tsx";

interface ReviewBenchProps {
  review: ReviewBody;
  seen: Seen & { stage: "shown" };
  deciding: Deciding;
}

/** The original with what both looks found, to be changed, and the decision below. */
export function ReviewBench({ review, seen, deciding }: ReviewBenchProps) {
  const [edits, setEdits] = useState<Edits>(noEdits);
  const [selected, select] = useState<string>();
  const held = useMemo(() => heldRegions(review.regions ?? []), [review.regions]);
  const regions = useMemo(() => shownRegions(held, edits, isTheVery), [held, edits]);
  const size = sizeOf(review, seen.size);
  const editing = useRegionEditing({ size, regions, edits, onEdit: setEdits });
  const frames = review.picture?.frames ?? 1;
  useFarewell(isEdited(edits));
  return (
    <div className={classes.bench}>
      <WhyHeld review={review} />
      <BenchNotice frames={frames} isKept={review.regions !== null} isSized={size !== undefined} />
      <div className={classes.table}>
        <div className={classes.left}>
          <ReviewLegend regions={regions} />
          <ReviewPicture
            url={seen.url}
            name={review.job.input.key}
            size={size}
            regions={regions}
            selected={selected}
            onSelect={select}
            editing={editing}
          />
        </div>
        {size ? (
          <RegionList
            regions={regions}
            edits={edits}
            size={size}
            selected={selected}
            editing={editing}
            onSelect={select}
            onReset={() => setEdits(noEdits)}
            swatches
          />
        ) : null}
      </div>
      <DecisionBar
        {...deciding}
        choice={{
          regions: decidedRegions(regions, held),
          count: regions.length,
          found: review.regions ? held.length : undefined,
          isEdited: isEdited(edits),
          unseen: frames - 1,
        }}
      />
    </div>
  );
}

/** What a person has to know of this picture before deciding. */
function BenchNotice({ frames, isKept, isSized }: { frames: number; isKept: boolean; isSized: boolean }) {
  const { t } = useTranslation();
  const words = [
    frames > 1 && { title: t("review.animation", { count: frames }), text: t("review.animationText") },
    !isSized
      ? { title: t("review.noSize"), text: t("review.noSizeText") }
      : !isKept && { title: t("review.notKept"), text: t("review.notKeptText") },
  ];
  return words.map((one) =>
    one ? (
      <Notice key={one.title} tone="look" icon={<IconInfoCircle size={22} aria-hidden />} title={one.title}>
        {one.text}
      </Notice>
    ) : null,
  );
}

/** As the service makes the JPEG that is looked at. */
const longestSide = 2048;

/** In which pixels regions count; undefined: what is seen may be smaller, and nobody has kept by how much. */
function sizeOf({ picture }: ReviewBody, shown: Size): Size | undefined {
  if (picture) return picture;
  return Math.max(shown.width, shown.height) < longestSide ? shown : undefined;
}
