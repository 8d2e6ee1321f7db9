/** What of sax is used here. */
declare module "sax" {
  export interface Tag {
    readonly name: string;
    readonly local: string;
    readonly uri: string;
  }

  export interface Parser {
    onopentag: (tag: Tag) => void;
    onclosetag: (name: string) => void;
    ontext: (text: string) => void;
    oncdata: (text: string) => void;
    ondoctype: () => void;
    onerror: (error: Error) => void;
    write(text: string): Parser;
    close(): Parser;
  }

  const sax: {
    parser(strict: true, options: { readonly xmlns: true; readonly strictEntities: true }): Parser;
  };
  export = sax;
}
