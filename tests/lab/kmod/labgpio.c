/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * labgpio - eight GPIO lines that are seen from outside the machine.
 *
 * Each change of a level is one byte on an I/O port: the levels of all lines, line 0 in bit 0. An
 * isa-debugcon of QEMU at that port passes it on at once, so that nothing the guest does later, a
 * hang, a panic, a reset, can hide or delay what its lines have shown.
 *
 *	modprobe labgpio
 *
 * Parameters below /sys/module/labgpio/parameters, to be written at any time:
 *	keep=MASK	lines that stay as they are when their holder lets them go or dies; others
 *			become inputs. Kernels differ in this, so both kinds stand side by side.
 *	pull=MASK	levels of the lines that nobody drives
 *	stuck_high=MASK	lines that show 1 whatever is done: a short to the supply
 *	stuck_low=MASK	lines that show 0 whatever is done: a short to ground
 *
 * The chip goes away under its holders, and comes back, through unbind and bind in
 * /sys/bus/platform/drivers/labgpio (device labgpio).
 */
#include <linux/gpio/driver.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/spinlock.h>

#define LINES	   8
#define KEEP_UPPER 0xf0

static ushort port = 0x501;
module_param(port, ushort, 0444);
MODULE_PARM_DESC(port, "I/O port that gets the levels");

/* Under lock: interrupts and realtime tasks of any priority may set a line. */
static DEFINE_RAW_SPINLOCK(lock);
static u8 keep = KEEP_UPPER;
static u8 pull;
static u8 stuck_high;
static u8 stuck_low;
static u8 out;
static u8 driven;
static u8 shown;

static struct platform_device *device;

static u8 levels(void)
{
	return (((out & driven) | (pull & ~driven)) & ~stuck_low) | stuck_high;
}

static void show(void)
{
	if (levels() != shown) {
		shown = levels();
		outb(shown, port);
	}
}

static u8 with_bit(u8 mask, unsigned int line, bool value)
{
	return value ? mask | BIT(line) : mask & ~BIT(line);
}

/* One change and its consequence for those outside. */
static void change(u8 *mask, unsigned int line, bool value)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&lock, flags);
	*mask = with_bit(*mask, line, value);
	show();
	raw_spin_unlock_irqrestore(&lock, flags);
}

static int lab_get(struct gpio_chip *chip, unsigned int line)
{
	return !!(levels() & BIT(line));
}

static void lab_set(struct gpio_chip *chip, unsigned int line, int value)
{
	change(&out, line, value);
}

static int lab_get_direction(struct gpio_chip *chip, unsigned int line)
{
	return driven & BIT(line) ? GPIO_LINE_DIRECTION_OUT : GPIO_LINE_DIRECTION_IN;
}

static int lab_direction_input(struct gpio_chip *chip, unsigned int line)
{
	change(&driven, line, false);
	return 0;
}

/* Level before direction: an output that begins with a wrong level would be an edge of its own. */
static int lab_direction_output(struct gpio_chip *chip, unsigned int line, int value)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&lock, flags);
	out = with_bit(out, line, value);
	driven |= BIT(line);
	show();
	raw_spin_unlock_irqrestore(&lock, flags);
	return 0;
}

static void lab_free(struct gpio_chip *chip, unsigned int line)
{
	if (!(READ_ONCE(keep) & BIT(line)))
		change(&driven, line, false);
}

static int lab_probe(struct platform_device *pdev)
{
	struct gpio_chip *chip = devm_kzalloc(&pdev->dev, sizeof(*chip), GFP_KERNEL);

	if (!chip)
		return -ENOMEM;
	chip->label = "labgpio";
	chip->owner = THIS_MODULE;
	chip->parent = &pdev->dev;
	chip->base = -1;
	chip->ngpio = LINES;
	chip->get = lab_get;
	chip->set = lab_set;
	chip->get_direction = lab_get_direction;
	chip->direction_input = lab_direction_input;
	chip->direction_output = lab_direction_output;
	chip->free = lab_free;
	/* Those outside need a level to compare with. */
	shown = levels();
	outb(shown, port);
	return devm_gpiochip_add_data(&pdev->dev, chip, NULL);
}

static int mask_set(const char *text, const struct kernel_param *param)
{
	unsigned long flags;
	u8 mask;
	int ret = kstrtou8(text, 0, &mask);

	if (ret)
		return ret;
	raw_spin_lock_irqsave(&lock, flags);
	*(u8 *)param->arg = mask;
	show();
	raw_spin_unlock_irqrestore(&lock, flags);
	return 0;
}

static int mask_get(char *text, const struct kernel_param *param)
{
	return sysfs_emit(text, "%#04x\n", *(u8 *)param->arg);
}

static const struct kernel_param_ops mask_ops = {
	.set = mask_set,
	.get = mask_get,
};
module_param_cb(keep, &mask_ops, &keep, 0644);
MODULE_PARM_DESC(keep, "lines that keep their level without a holder");
module_param_cb(pull, &mask_ops, &pull, 0644);
MODULE_PARM_DESC(pull, "levels of lines that nobody drives");
module_param_cb(stuck_high, &mask_ops, &stuck_high, 0644);
MODULE_PARM_DESC(stuck_high, "lines that show 1 whatever is done");
module_param_cb(stuck_low, &mask_ops, &stuck_low, 0644);
MODULE_PARM_DESC(stuck_low, "lines that show 0 whatever is done");

static struct platform_driver driver = {
	.driver.name = "labgpio",
	.probe = lab_probe,
};

static int __init labgpio_init(void)
{
	int ret = platform_driver_register(&driver);

	if (ret)
		return ret;
	device = platform_device_register_simple("labgpio", PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(device)) {
		platform_driver_unregister(&driver);
		return PTR_ERR(device);
	}
	return 0;
}

static void __exit labgpio_exit(void)
{
	platform_device_unregister(device);
	platform_driver_unregister(&driver);
}

module_init(labgpio_init);
module_exit(labgpio_exit);
MODULE_DESCRIPTION("GPIO lines for a virtual machine, seen from outside");
MODULE_LICENSE("GPL");
