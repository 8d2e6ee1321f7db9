import type { ReactNode } from "react";
import classes from "./notice.module.css";

interface NoticeProps {
  /** bad: something failed; look: a person should look; quiet: good to know. */
  tone: "bad" | "look" | "quiet";
  icon: ReactNode;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}

/** A sentence that a person has to read, with what can be done about it. */
export function Notice({ tone, icon, title, children, action }: NoticeProps) {
  return (
    <div className={classes.notice} data-tone={tone}>
      <span className={classes.icon}>{icon}</span>
      <div className={classes.words}>
        <strong className={classes.title}>{title}</strong>
        {children}
      </div>
      {action}
    </div>
  );
}
