import { ActionIcon, Button, Tooltip } from "@mantine/core";
import { IconArrowBackUp, IconPlus, IconX } from "@tabler/icons-react";
import type { TFunction } from "i18next";
import { type KeyboardEvent, useEffect, useId, useRef } from "react";
import { useTranslation } from "react-i18next";
import { frameRanges } from "./frame-ranges.ts";
import { type Edits, isEdited, originOf, outline, type ShownRegion, type Size } from "./region-edits.ts";
import { centredBox, nudge } from "./region-keys.ts";
import classes from "./region-list.module.css";
import { RegionSwatch } from "./region-swatch.tsx";
import type { RegionEditing } from "./use-region-editing.ts";

interface RegionListProps {
  regions: readonly ShownRegion[];
  edits: Edits;
  size: Size;
  selected: string | undefined;
  onSelect: (id: string) => void;
  onReset: () => void;
  editing: RegionEditing;
  /** Whether each row shows how its region is outlined. */
  swatches?: boolean;
}

/** The regions in words, with everything that the pointer can do to them for the keyboard. */
export function RegionList(props: RegionListProps) {
  const { regions, edits, size, selected, onSelect, onReset, editing, swatches = false } = props;
  const { t } = useTranslation();
  const title = useId();
  const keys = useId();
  const list = useRef<HTMLOListElement>(null);
  const fresh = useRef<string>(undefined);
  const addButton = useRef<HTMLButtonElement>(null);

  // Not scrollIntoView: it would also scroll the page away from the picture that is being edited.
  useEffect(() => {
    const row = list.current?.children[regions.findIndex(({ id }) => id === selected)];
    if (!(row instanceof HTMLElement) || !list.current) return;
    const { scrollTop, clientHeight } = list.current;
    const top = row.offsetTop - list.current.offsetTop;
    if (top < scrollTop || top + row.offsetHeight > scrollTop + clientHeight) list.current.scrollTop = top;
  }, [selected, regions]);

  const add = () => {
    const id = `drawn ${Date.now()}`;
    fresh.current = id;
    editing.draw(id, centredBox(size));
    onSelect(id);
  };
  const remove = (id: string) => {
    editing.remove(id);
    addButton.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent, region: ShownRegion) => {
    if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      remove(region.id);
      return;
    }
    const box = region.frames ? undefined : nudge(outline(region), event, size);
    if (!box) return;
    event.preventDefault();
    onSelect(region.id);
    editing.move(region.id, box);
  };
  const focusFresh = (row: HTMLButtonElement | null, id: string) => {
    if (!row || fresh.current !== id) return;
    fresh.current = undefined;
    row.focus();
  };

  return (
    <section className={`card ${classes.card}`} aria-labelledby={title}>
      <h2 id={title} className={classes.title}>
        {t("regions.title")} <span className={classes.count}>{regions.length}</span>
      </h2>
      {regions.length === 0 ? <p className={classes.none}>{t("regions.none")}</p> : null}
      <ol ref={list} className={classes.list}>
        {regions.map((region, index) => {
          const number = index + 1;
          return (
            <li key={region.id} className={classes.row} data-selected={region.id === selected || undefined}>
              <button
                type="button"
                ref={(row) => focusFresh(row, region.id)}
                className={classes.name}
                aria-pressed={region.id === selected}
                aria-describedby={region.frames ? undefined : keys}
                onClick={() => onSelect(region.id)}
                onKeyDown={(event) => onKeyDown(event, region)}
              >
                <span>
                  {swatches ? <RegionSwatch origin={originOf(region)} /> : null} {t("regions.name", { number })}{" "}
                </span>
                <span className={classes.origin}>{originText(region, t)}</span>
              </button>
              <Tooltip label={t("regions.remove", { number })}>
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  c="dimmed"
                  size={34}
                  aria-label={t("regions.remove", { number })}
                  onClick={() => remove(region.id)}
                >
                  <IconX size={17} aria-hidden />
                </ActionIcon>
              </Tooltip>
            </li>
          );
        })}
      </ol>
      <p id={keys} className="spoken">
        {t("regions.keys")}
      </p>
      <div className={classes.actions}>
        <Button
          ref={addButton}
          size="sm"
          variant="default"
          leftSection={<IconPlus size={17} aria-hidden />}
          onClick={add}
        >
          {t("regions.add")}
        </Button>
        {isEdited(edits) ? (
          <Button
            size="sm"
            variant="subtle"
            color="gray"
            c="dimmed"
            leftSection={<IconArrowBackUp size={17} aria-hidden />}
            onClick={onReset}
          >
            {t("regions.reset")}
          </Button>
        ) : null}
      </div>
    </section>
  );
}

/** Who found it, how sure, and where it is not seen. */
function originText(region: ShownRegion, t: TFunction): string {
  const found = t(`regions.${originOf(region)}`, { score: region.score.toFixed(2) });
  return region.frames ? t("regions.inFrames", { found, frames: frameRanges(region.frames) }) : found;
}
