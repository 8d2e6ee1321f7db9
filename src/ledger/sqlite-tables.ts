/**
 * The ledger's tables, as migration steps. `jobs`, `events` and `notes` are what happened and never change; `job_state`
 * and `job_counts` follow from them and could be built again.
 */
export const ledgerTables: readonly string[] = [
  `create table jobs (
     id text primary key,
     route text not null,
     key text not null,
     version text not null,
     generation integer not null,
     lane text not null,
     job text not null,
     request_digest text,
     admitted_at integer not null
   ) strict;
   create index jobs_object on jobs (key, route, version, generation);

   create table events (
     seq integer primary key autoincrement,
     job_id text not null references jobs (id),
     kind text not null,
     at integer not null,
     detail text not null
   ) strict;
   create index events_job on events (job_id, seq);
   create trigger events_stay_same before update on events begin select raise(abort, 'events are append-only'); end;
   create trigger events_stay before delete on events begin select raise(abort, 'events are append-only'); end;

   create table notes (
     seq integer primary key autoincrement,
     note text not null
   ) strict;
   create trigger notes_stay_same before update on notes begin select raise(abort, 'notes are append-only'); end;
   create trigger notes_stay before delete on notes begin select raise(abort, 'notes are append-only'); end;

   create table job_state (
     job_id text primary key references jobs (id),
     route text not null,
     state text not null,
     attempts integer not null,
     updated_at integer not null,
     seq integer not null,
     last text not null
   ) strict;
   create index job_state_state on job_state (state, seq);
   create index job_state_route on job_state (route, state, seq);

   create table job_counts (
     route text not null,
     state text not null,
     jobs integer not null,
     primary key (route, state)
   ) strict, without rowid;
   create trigger job_counts_enter after insert on job_state begin
     insert into job_counts values (new.route, new.state, 1) on conflict do update set jobs = jobs + 1;
   end;
   create trigger job_counts_move after update of state on job_state when new.state <> old.state begin
     update job_counts set jobs = jobs - 1 where route = old.route and state = old.state;
     insert into job_counts values (new.route, new.state, 1) on conflict do update set jobs = jobs + 1;
   end;`,
];
