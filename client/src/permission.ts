/** The purpose that recognition, recording and deciding need consent for. */
export const personalise = 'personalise'

/**
 * Whether somebody who comes by a web site may be recognised. While it is withheld, nothing is
 * recorded of them and nobody is asked about them.
 */
export class Permission {
  private given: boolean
  /** Whether they were known when they came: by their cookie, or by the site's login. */
  readonly isKnown: boolean
  private readonly changed: (isGiven: boolean) => void

  /** @param changed told of every change, in time to set or to remove the cookie */
  constructor(isGiven: boolean, isKnown: boolean, changed: (isGiven: boolean) => void) {
    this.given = isGiven
    this.isKnown = isKnown
    this.changed = changed
  }

  get isGiven(): boolean {
    return this.given
  }

  give(): void {
    this.change(true)
  }

  withhold(): void {
    this.change(false)
  }

  private change(isGiven: boolean): void {
    if (isGiven === this.given) return
    this.given = isGiven
    this.changed(isGiven)
  }
}
