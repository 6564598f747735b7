// A click on a placeholder writes it where the cursor stands in its text.
document.addEventListener("click", (event) => {
    const chip = event.target.closest("[data-placeholder]");
    if (!chip) return;
    const field = document.getElementById(chip.dataset.field);
    field.setRangeText(chip.dataset.placeholder, field.selectionStart, field.selectionEnd, "end");
    field.focus();
    field.dispatchEvent(new Event("input", { bubbles: true }));
});
