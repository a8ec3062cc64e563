"""Three ways to use a page, so that one walk is made by mouse, by keyboard and by touch."""

from playwright.sync_api import Locator, Page, expect

# The key that leads from what has the focus towards a node, or none where it has it: among tabs and
# choices an arrow.
KEY = """node => {
  let at = document.activeElement;
  while (at.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  const whole = node.closest('button, a, label, [role=tab]') ?? node;
  if (whole.contains(at)) return '';
  if (!whole.closest('[role=tablist], [role=radiogroup]')?.contains(at)) return 'Tab';
  const isAfter = at.compareDocumentPosition(whole) & Node.DOCUMENT_POSITION_FOLLOWING;
  return isAfter ? 'ArrowRight' : 'ArrowLeft';
}"""
MARGIN = (4, 300)  # of the page, where nothing is
FAR = 150  # presses of Tab, more than there are stops on a page


class Mouse:
    """Nothing but the mouse; what is written needs keys all the same.

    Args:
        page: That it is moved over.
    """

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, target: Locator) -> None:
        """A button, tab, switch, choice or link."""
        target.click()

    def choose(self, box: Locator, option: str) -> None:
        """One of a list that opens."""
        self.press(box)
        self.press(self.page.get_by_role("option", name=option))

    def write(self, field: Locator, text: str) -> None:
        """Into an empty field."""
        self.press(field)
        self.page.keyboard.type(text)

    def open(self, row: Locator) -> None:
        """A film of the list."""
        self.press(row)

    def leave(self) -> None:
        """What has opened over the page."""
        self.page.mouse.click(*MARGIN)


class Finger(Mouse):
    """Nothing but a fingertip."""

    def press(self, target: Locator) -> None:
        target.tap()

    def leave(self) -> None:
        self.page.touchscreen.tap(*MARGIN)


class Keys(Mouse):
    """Nothing but the keyboard."""

    def press(self, target: Locator) -> None:
        self._reach(target)
        is_link = target.evaluate("node => node.closest('a') !== null")
        self.page.keyboard.press("Enter" if is_link else "Space")

    def choose(self, box: Locator, option: str) -> None:
        self._reach(box)
        wanted = self.page.get_by_role("option", name=option)
        self.page.keyboard.press("ArrowDown")
        wanted.wait_for()
        while wanted.get_attribute("data-focused") != "true":
            self.page.keyboard.press("ArrowDown")
        self.page.keyboard.press("Enter")

    def write(self, field: Locator, text: str) -> None:
        self._reach(field)
        self.page.keyboard.type(text)

    def open(self, row: Locator) -> None:
        selected = row.page.locator(".row.selected")
        for _ in range(row.page.locator(".row").count()):
            before = selected.text_content()
            if row.evaluate("row => row.matches('.selected')"):
                return
            self.page.keyboard.press("j")
            expect(selected).not_to_have_text(before)
        raise AssertionError("no way to this film by the arrows")

    def leave(self) -> None:
        self.page.keyboard.press("Escape")

    def _reach(self, target: Locator) -> None:
        """By Tab, and among tabs or choices by the arrows, as somebody who has no mouse."""
        target.wait_for()
        for _ in range(FAR):
            key = target.evaluate(KEY)
            if not key:
                return
            self.page.keyboard.press(key)
        raise AssertionError(f"no way to {target} by Tab")


HANDS = {"mouse": Mouse, "keyboard": Keys, "touch": Finger}
