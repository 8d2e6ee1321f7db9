import { Button, TextInput } from "@mantine/core";
import { type FormEvent, type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import classes from "./decision-bar.module.css";

/** As the API takes it. */
const longestReason = 1000;

interface SecondThoughtProps {
  /** What is asked for once more; the button that says it. */
  label: string;
  pending: boolean;
  onSay: () => void;
  onCancel: () => void;
  children: ReactNode;
}

/** What can't be taken back is said twice. Escape leads back. */
function SecondThought({ label, pending, onSay, onCancel, children }: SecondThoughtProps) {
  const { t } = useTranslation();
  const send = (event: FormEvent) => {
    event.preventDefault();
    onSay();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    onCancel();
  };
  return (
    <form className={classes.thought} onSubmit={send} onKeyDown={onKeyDown}>
      {children}
      <div className={classes.choices}>
        <Button type="submit" color="red.9" loading={pending}>
          {label}
        </Button>
        <Button variant="default" disabled={pending} onClick={onCancel}>
          {t("review.cancel")}
        </Button>
      </div>
    </form>
  );
}

interface RejectionProps {
  pending: boolean;
  onReject: (body: { reason?: string }) => void;
  onCancel: () => void;
}

/** No result, and why. */
export function Rejection({ pending, onReject, onCancel }: RejectionProps) {
  const { t } = useTranslation();
  const [reason, setReason] = useState("");
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const said = reason.trim();
  return (
    <SecondThought
      label={t("review.rejectNow")}
      pending={pending}
      onSay={() => onReject(said === "" ? {} : { reason: said })}
      onCancel={onCancel}
    >
      <TextInput
        ref={field}
        label={t("review.reason")}
        description={t("review.reasonHint")}
        maxLength={longestReason}
        autoComplete="off"
        value={reason}
        onChange={({ currentTarget }) => setReason(currentTarget.value)}
      />
    </SecondThought>
  );
}

interface NoFacesProps {
  /** Frames that nobody sees here. */
  unseen: number;
  pending: boolean;
  onSay: () => void;
  onCancel: () => void;
}

/** The picture goes out as it is: that is asked once more, and no held key answers it. */
export function NoFaces({ unseen, pending, onSay, onCancel }: NoFacesProps) {
  const { t } = useTranslation();
  const words = useRef<HTMLParagraphElement>(null);
  useEffect(() => words.current?.focus(), []);
  return (
    <SecondThought label={t("review.noFacesNow")} pending={pending} onSay={onSay} onCancel={onCancel}>
      <p ref={words} tabIndex={-1} className={classes.words}>
        {t("review.noFacesText")} {unseen > 0 ? <b>{t("review.noFacesFrames", { count: unseen })}</b> : null}
      </p>
    </SecondThought>
  );
}
